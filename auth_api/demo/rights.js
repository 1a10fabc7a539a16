// What one may do about another member, as the server would say: what it would refuse is not offered.
const RANK = { owner: 2, moderator: 1, member: 0 };

/** The deeds that are offered to `me`, a member, about another one. */
export function deedsAbout(member, me) {
  if (!me || member.peer_id === me.peer_id) return [];
  const [own, theirs] = [RANK[me.role], RANK[member.role]];
  const offered = {
    mute: own > 0,
    promote: me.role === "owner" && member.role === "member",
    demote: me.role === "owner" && member.role === "moderator",
    transfer: me.role === "owner",
    remove: own > theirs,
  };
  return Object.keys(offered).filter((deed) => offered[deed]);
}
