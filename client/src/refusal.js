// What a request that failed is rejected with.

/** The server has said no, or cannot say anything any more. PROTOCOL.md lists the codes. */
export class Refusal extends Error {
  /**
   * The server's code; or `lost`, when the connection is lost for good before the answer came; or the reason for which
   * the connection has ended.
   *
   * @type {string}
   */
  code;

  /**
   * @param {string} code
   * @param {string} [message] a sentence that a person may be shown
   */
  constructor(code, message) {
    super(message || code);
    this.name = "Refusal";
    this.code = code;
  }
}
