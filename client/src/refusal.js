// What a request that failed is rejected with.

/** Codes with which trying again later makes sense; with others the answer would be the same. */
export const PASSING = ["unavailable", "too-many-requests"];

/** The server has said no, or cannot say anything any more. PROTOCOL.md lists the codes. */
export class Refusal extends Error {
  /**
   * The server's; or `lost`, when the connection was lost for good before the answer came; or the reason for which it has
   * ended.
   *
   * @type {string}
   */
  code;
  /**
   * With `conflict`: the versions that the keys have.
   *
   * @type {Record<string, number> | undefined}
   */
  versions;

  /**
   * @param {string} code
   * @param {string} [message] a sentence that a person may be shown
   * @param {Record<string, number>} [versions]
   */
  constructor(code, message, versions) {
    super(message || code);
    this.name = "Refusal";
    this.code = code;
    this.versions = versions;
  }
}
