/* Made from the declarations in shared/contract by `make docs`: change those.
 *
 *     const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io(url, { auth: { token } });
 *
 * Fields that are `unknown` are any JSON. Ignore fields, events and values that you do not know: later releases may
 * add some.
 */

/** A value in a room's data, who set it, and which version it is. */
export interface Datum {
  value: unknown;
  version: number;
  by: string;
}

/** A TURN server, as browsers take it. */
export interface IceServer {
  urls: string[];
  username: string;
  credential: string;
}

/** Who a peer is, as the server vouches: nothing that a client sends can set it. */
export interface Identity {
  id: string;
  name: string;
}

/** A message to all from before one came in, as in `room-message`. */
export interface MessageShown {
  room: string;
  id: number;
  peer_id: string;
  role: "member" | "moderator" | "owner";
  time: number;
  kind: string;
  body: unknown;
  identity?: Identity;
}

/** The keys of a policy that are to change. */
export interface PolicyChange {
  admission?: "ask" | "closed" | "open";
  max_peers?: number | null;
  owner_leaves?: "close" | "pass";
  waiting_text?: string;
  history?: number;
}

/** A policy as clients get it. */
export interface PolicyShown {
  admission: "ask" | "closed" | "open";
  max_peers: number;
  owner_leaves: "close" | "pass";
  waiting_text: string;
  history: number;
}

/** A room as one who comes back finds it. What stands behind `peersinfo` is there in version 2. */
export interface RoomFound {
  room: string;
  owner: string;
  peers: string[];
  peersinfo: Record<string, unknown>;
  policy?: PolicyShown;
  roles?: Record<string, "moderator" | "owner">;
  identities?: Record<string, Identity>;
  data?: Record<string, Datum>;
  data_version?: number;
  history?: MessageShown[];
  /** for hosts */
  pending?: Waiting[];
}

/** One who waits to be let into a room, as a host finds it there. */
export interface Waiting {
  peer_id: string;
  identity?: Identity;
  peerinfo?: unknown;
  payload?: unknown;
}

/** Why an event was refused. */
export type Code =
  /** a field is missing, unknown or of the wrong type */
  | "bad-request"
  /** the token is missing, forged, expired, revoked or another socket's */
  | "unauthorized"
  /** a room of that name exists */
  | "taken"
  /** no room has that name (any more) */
  | "not-found"
  /** someone else owns the room */
  | "not-owner"
  /** no such join request is pending */
  | "not-pending"
  /** the sender or the one addressed is not in the room */
  | "not-member"
  /** the room has all the peers or data it may have, or the peer all its rooms */
  | "full"
  /** a field is over its size limit */
  | "too-large"
  /** events come too fast, too many requests are pending, or enough waits for the one addressed */
  | "too-many-requests"
  /** the event log cannot be reached, or the gateway of the one addressed, or of one who comes back, is behind */
  | "unavailable"
  /** the owner of the room said no */
  | "rejected"
  /** who the peer is, or its role in the room, does not allow it */
  | "forbidden"
  /** the room's policy is `closed` */
  | "closed"
  /** a host of the room has banned the peer */
  | "banned"
  /** a key of the room's data has another version */
  | "conflict"
  /** the user token allows one peer only */
  | "already-here"
  /** the number of an event is older than those that are remembered */
  | "stale";

/** The acknowledgement of an event that was refused. */
export interface Refused {
  ok: false;
  code: Code;
  message: string;
  /** only with `conflict`: of the keys that `if` named */
  versions?: Record<string, number>;
}

/** What clients send, by the event's name. */
export interface Said {
  /** What follows: `auth-accept` or `auth-reject {message, payload}`. */
  "auth-request": {
    /** at most 4096 bytes by default */
    payload?: unknown;
    token: string;
    /** at most 4096 bytes by default */
    peerinfo?: unknown;
    resumable?: boolean | null;
    resume?: string | null;
    received?: number | null;
    version?: number | null;
  };
  /**
   * What follows: `room-create-accept {room, payload}`, or `room-create-reject {message, payload}` if the name is
   * taken; the owner of the room gets the same acceptance again.
   */
  "room-create-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room?: string | null;
    /** since version 2 */
    policy?: PolicyChange;
  };
  /**
   * What follows: the owner gets `room-join-request {room, peer_id, peerinfo, payload}`; unknown room:
   * `room-join-reject {message, room, payload}`; a member gets its `room-join-accept` again. By grant and policy it may
   * be in at once, or be refused; if it has to wait, it gets `room-join-wait {room, text}`. With `create: true`, a room
   * that does not exist is made if the peer may make it, which the acceptance says with `created: true`.
   */
  "room-join-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    /** since version 2 */
    create?: boolean;
  };
  /**
   * What follows: the request is taken back: it is answered with `not-pending`, and the hosts get `room-join-gone`.
   * Since version 2.
   */
  "room-join-cancel": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
  };
  /**
   * What follows: hosts only, for a pending request. The candidate gets `room-join-accept {room, peer_id, peers,
   * peersinfo, payload, owner}`; the other members get `room-user-join {room, peer_id, peerinfo, payload}`.
   */
  "room-join-accept": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
  } & ({ to: string; peer_id?: string | null } | { to?: string | null; peer_id: string });
  /**
   * What follows: hosts only, for a pending request. The candidate gets `room-join-reject {message, room, peer_id,
   * payload}`.
   */
  "room-join-reject": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
  } & ({ to: string; peer_id?: string | null } | { to?: string | null; peer_id: string });
  /**
   * What follows: `room-leave-accept {room, payload}`; the others get `room-user-leave`. From a candidate who still
   * waits: its request is taken back, and answered with `not-pending`.
   */
  "room-leave-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
  };
  /** What follows: the roommate gets `session-description {room, peer_id, session_description, peerinfo, payload}`. */
  "relay-session-description": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    /** at most 49152 bytes by default */
    session_description: unknown;
  } & ({ to: string; peer_id?: string | null } | { to?: string | null; peer_id: string });
  /** What follows: the roommate gets `ice-candidate {room, peer_id, ice_candidate, peerinfo, payload}`. */
  "relay-ice-candidate": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    /** at most 4096 bytes by default */
    ice_candidate: unknown;
  } & ({ to: string; peer_id?: string | null } | { to?: string | null; peer_id: string });
  /**
   * What follows: all members get `room-role {room, peer_id, role, by}`. With `owner`, the former one becomes a
   * moderator. A new host gets the requests that are pending. Since version 2.
   */
  "room-role-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    role: "member" | "moderator" | "owner";
  } & ({ to: string; peer_id?: string | null } | { to?: string | null; peer_id: string });
  /**
   * What follows: on lower roles only. The one gets `room-kicked {room, by, text, banned_until}` (in version 1: as when
   * an operator closes the room), the others `room-user-leave` with the reason `kicked`. `ban` is a number of seconds,
   * or true for as long as the room exists; it holds for the identity, or for an anonymous peer's `peer_id`. With it,
   * candidates can be sent away as well. Since version 2.
   */
  "room-kick-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    ban?: number | boolean;
    text?: string;
  } & ({ to: string; peer_id?: string | null } | { to?: string | null; peer_id: string });
  /** What follows: the identity `id`, or the anonymous peer `peer_id`, may ask to come in again. Since version 2. */
  "room-unban-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    to?: string | null;
    peer_id?: string | null;
    id?: string | null;
  };
  /**
   * What follows: the keys that are given change; all members get `room-policy {room, policy, by}`. Since version 2.
   */
  "room-policy-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    policy: PolicyChange;
  };
  /**
   * What follows: as when an operator closes the room: all members get `room-closed {room, by, text}`. Since version 2.
   */
  "room-close-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    text?: string;
  };
  /**
   * What follows: all other members get `room-message {room, id, peer_id, identity, role, time, to, kind, body}`; with
   * `to`, that member alone, or the other hosts if it is `hosts`. A candidate may write to `hosts` alone. Acknowledged
   * with `{id, time}`. `kind` is `chat` if it is left out, and up to 64 characters. Since version 2.
   */
  "room-message-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    to?: string | null;
    peer_id?: string | null;
    kind?: string;
    /** at most 4096 bytes by default */
    body: unknown;
  };
  /**
   * What follows: the other members of all its rooms get `room-user-update {room, peer_id, peerinfo}`, and so do the
   * hosts of those that it waits for. What it says to others from then on comes with the new `peerinfo`. Since version
   * 2.
   */
  "peer-update-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    /** at most 4096 bytes by default */
    peerinfo: unknown;
  };
  /**
   * What follows: all other members get `room-data {room, set, version, by}`. `set` maps keys to values; null removes a
   * key. All of them change or none. `if` maps keys to the versions that they must have (0: there must be no such key);
   * else the answer is `conflict`, with the present `versions` of those keys. Acknowledged with `{version}`. Since
   * version 2.
   */
  "room-data-request": {
    auth: string;
    /** version 2: the number under which it may be sent again */
    n?: number;
    /** at most 4096 bytes by default */
    payload?: unknown;
    room: string;
    /** at most 16384 bytes by default */
    set: Record<string, unknown>;
    if?: Record<string, number> | null;
  };
}

/** What clients are told, by the event's name. */
export interface Told {
  /** authenticated, or renewed */
  "auth-accept": {
    /** the session token */
    token: string;
    peer_id: string;
    /** seconds */
    expires_in: number;
    /** seconds; 0 if not resumable */
    resume_for: number;
    resumed: boolean;
    /**
     * only when resumed: each `{room, owner, peers, peersinfo}`; beyond 256 KiB in all, `peersinfo` is empty (and in
     * version 2, `data` and `history` are left out), and a `room-join-request` for that room brings it
     */
    rooms?: RoomFound[];
    payload?: unknown;
    /**
     * if TURN is set up; the credentials expire after `TURN_LIFETIME`, and with the user token of the peer; each
     * renewal brings new ones
     */
    ice_servers?: IceServer[];
    /** if it was asked for: the highest that both know */
    version?: number;
  };
  /** the user token ends soon: renew with a newer one Since version 2. */
  "auth-expiring": {
    /** seconds */
    expires_in: number;
  };
  /** the peer is removed; the connection is closed next, and its place is gone Since version 2. */
  "session-ended": {
    /** `expired`, `replaced` or `revoked` */
    code: "expired" | "replaced" | "revoked";
    message: string;
  };
  /** the session token is invalid; nothing was done */
  "unauthorized": {
    /** only in `request-reject` */
    event?: string;
    code: Code;
    message: string;
    room?: string;
    peer_id?: string;
    payload?: unknown;
    /** only with `conflict`: of the keys that `if` named */
    versions?: Record<string, number>;
  };
  /** the token is invalid, or the request is malformed */
  "auth-reject": {
    /** only in `request-reject` */
    event?: string;
    code: Code;
    message: string;
    room?: string;
    peer_id?: string;
    payload?: unknown;
    /** only with `conflict`: of the keys that `if` named */
    versions?: Record<string, number>;
  };
  /** an event that has no reject event of its own was refused */
  "request-reject": {
    /** only in `request-reject` */
    event?: string;
    code: Code;
    message: string;
    room?: string;
    peer_id?: string;
    payload?: unknown;
    /** only with `conflict`: of the keys that `if` named */
    versions?: Record<string, number>;
  };
  /** the name is taken, or another refusal */
  "room-create-reject": {
    /** only in `request-reject` */
    event?: string;
    code: Code;
    message: string;
    room?: string;
    peer_id?: string;
    payload?: unknown;
    /** only with `conflict`: of the keys that `if` named */
    versions?: Record<string, number>;
  };
  /** to the candidate: the owner said no, the room is unknown or has closed, or another refusal */
  "room-join-reject": {
    /** only in `request-reject` */
    event?: string;
    code: Code;
    message: string;
    room?: string;
    peer_id?: string;
    payload?: unknown;
    /** only with `conflict`: of the keys that `if` named */
    versions?: Record<string, number>;
  };
  /** the room is the sender's */
  "room-create-accept": {
    room: string;
    payload?: unknown;
  };
  /** the sender has left, or has taken its request back */
  "room-leave-accept": {
    room: string;
    payload?: unknown;
  };
  /** to the hosts: someone asks to be let in */
  "room-join-request": {
    room: string;
    peer_id: string;
    peerinfo?: unknown;
    payload?: unknown;
    /** `{id, name}`, unless it is anonymous */
    identity?: Identity;
  };
  /** to the candidate: it is in the room */
  "room-join-accept": {
    peer_id: string;
    room: string;
    owner: string;
    /** the others in the room */
    peers: string[];
    /** the `peerinfo` of each */
    peersinfo: Record<string, unknown>;
    payload?: unknown;
    /** version 2: the whole of it */
    policy?: PolicyShown;
    /** version 2: `owner` or `moderator`, by `peer_id` */
    roles?: Record<string, "moderator" | "owner">;
    /** version 2: of those who are not anonymous */
    identities?: Record<string, Identity>;
    /** true if the request made the room */
    created?: boolean;
    /** version 2: `{value, version, by}` by key */
    data?: Record<string, Datum>;
    /** version 2: changes up to this version are in `data`, or are undone */
    data_version?: number;
    /** version 2: messages to all from before it came in, as in `room-message`, the oldest first */
    history?: MessageShown[];
  };
  /** to the other members */
  "room-user-join": {
    room: string;
    peer_id: string;
    peerinfo?: unknown;
    payload?: unknown;
    /** `{id, name}`, unless it is anonymous */
    identity?: Identity;
  };
  /** a member left, closed its connection, or was lost */
  "room-user-leave": {
    room: string;
    peer_id: string;
    /** `left`, `closed`, `lost` or `kicked` */
    reason: "closed" | "kicked" | "left" | "lost";
    peerinfo?: unknown;
    payload?: unknown;
    /** `{id, name}`, unless it is anonymous */
    identity?: Identity;
  };
  /**
   * version 1 only: the room has another owner. Pending join requests are sent to the new owner. A room without members
   * ceases to exist Until version 1.
   */
  "room-owner": {
    room: string;
    peer_id: string;
  };
  /**
   * an operator or the owner closed the room, or its policy did when the owner left. In version 1, each member is also
   * told `room-user-leave` of every other, before
   */
  "room-closed": {
    room: string;
    /** the owner who closed it */
    by?: string;
    /** what the owner said */
    text?: string;
  };
  /** to the candidate: a host has to decide Since version 2. */
  "room-join-wait": {
    room: string;
    /** the policy's `waiting_text` */
    text: string;
  };
  /** to the hosts: a request does not wait any more Since version 2. */
  "room-join-gone": {
    room: string;
    peer_id: string;
    /** `accepted`, `rejected`, `cancelled`, `left`, `closed` or `lost` */
    reason: "accepted" | "cancelled" | "closed" | "left" | "lost" | "rejected";
    /** the host who decided */
    by: string | null;
  };
  /** to all members: one of them has another role Since version 2. */
  "room-role": {
    room: string;
    peer_id: string;
    /** `owner`, `moderator` or `member` */
    role: "member" | "moderator" | "owner";
    /** who gave it; null if it followed from a grant or from a leave */
    by: string | null;
  };
  /** to the one who is put out of the room, or out of its waiting line Since version 2. */
  "room-kicked": {
    room: string;
    by: string | null;
    text: string;
    /** seconds since the epoch; true: as long as the room exists; null: not banned */
    banned_until: number | boolean | null;
  };
  /** to all members: the whole of the room's policy, after a change Since version 2. */
  "room-policy": {
    room: string;
    policy: PolicyShown;
    /** the host who changed it; null for an operator */
    by: string | null;
  };
  /** to those whom a message is for Since version 2. */
  "room-message": {
    room: string;
    /** rises with every message, in all rooms */
    id: number;
    /** the sender */
    peer_id: string;
    /** `{id, name}`, unless it is anonymous */
    identity?: Identity;
    /** the sender's: `owner`, `moderator`, `member` or `candidate` */
    role: "candidate" | "member" | "moderator" | "owner";
    /** milliseconds since the epoch */
    time: number;
    /** the one it is for, or `hosts`; left out if it is for all */
    to?: string;
    kind: string;
    body: unknown;
  };
  /**
   * to the other members, and to the hosts of a room that it waits for: a peer shows itself in another way Since
   * version 2.
   */
  "room-user-update": {
    room: string;
    peer_id: string;
    peerinfo: unknown;
  };
  /** to the other members: somebody has changed the room's data Since version 2. */
  "room-data": {
    room: string;
    /** the new values by key; null: there is no such key any more */
    set: Record<string, unknown>;
    /** of all these keys from now on; rises in all rooms */
    version: number;
    /** the peer that changed it */
    by: string;
  };
  /** from a roommate */
  "session-description": {
    room: string;
    /** the sender */
    peer_id: string;
    session_description: unknown;
    peerinfo?: unknown;
    payload?: unknown;
  };
  /** from a roommate */
  "ice-candidate": {
    room: string;
    /** the sender */
    peer_id: string;
    ice_candidate: unknown;
    peerinfo?: unknown;
    payload?: unknown;
  };
}

/** What the acknowledgement of an accepted event has beside `ok`. */
export interface Answers {
  /** auth-request took effect; it says what the event auth-accept says */
  "auth-request": {
    /** the session token */
    token: string;
    peer_id: string;
    /** seconds */
    expires_in: number;
    /** seconds; 0 if not resumable */
    resume_for: number;
    resumed: boolean;
    /**
     * only when resumed: each `{room, owner, peers, peersinfo}`; beyond 256 KiB in all, `peersinfo` is empty (and in
     * version 2, `data` and `history` are left out), and a `room-join-request` for that room brings it
     */
    rooms?: RoomFound[];
    payload?: unknown;
    /**
     * if TURN is set up; the credentials expire after `TURN_LIFETIME`, and with the user token of the peer; each
     * renewal brings new ones
     */
    ice_servers?: IceServer[];
    /** if it was asked for: the highest that both know */
    version?: number;
  };
  /** room-create-request took effect; it says what the event room-create-accept says */
  "room-create-request": {
    room: string;
    payload?: unknown;
  };
  /** room-join-request took effect; it says what the event room-join-accept says */
  "room-join-request": {
    peer_id: string;
    room: string;
    owner?: string;
    /** the others in the room */
    peers?: string[];
    /** the `peerinfo` of each */
    peersinfo?: Record<string, unknown>;
    payload?: unknown;
    /** version 2: the whole of it */
    policy?: PolicyShown;
    /** version 2: `owner` or `moderator`, by `peer_id` */
    roles?: Record<string, "moderator" | "owner">;
    /** version 2: of those who are not anonymous */
    identities?: Record<string, Identity>;
    /** true if the request made the room */
    created?: boolean;
    /** version 2: `{value, version, by}` by key */
    data?: Record<string, Datum>;
    /** version 2: changes up to this version are in `data`, or are undone */
    data_version?: number;
    /** version 2: messages to all from before it came in, as in `room-message`, the oldest first */
    history?: MessageShown[];
  };
  /** room-join-cancel took effect */
  "room-join-cancel": {
    room: string;
  };
  /** room-join-accept took effect */
  "room-join-accept": {
    room: string;
    peer_id: string;
  };
  /** room-join-reject took effect */
  "room-join-reject": {
    room: string;
    peer_id: string;
  };
  /** room-leave-request took effect; it says what the event room-leave-accept says */
  "room-leave-request": {
    room: string;
    payload?: unknown;
  };
  /** relay-session-description took effect */
  "relay-session-description": {};
  /** relay-ice-candidate took effect */
  "relay-ice-candidate": {};
  /** room-role-request took effect */
  "room-role-request": {
    room: string;
    peer_id: string;
    role: "member" | "moderator" | "owner";
  };
  /** room-kick-request took effect */
  "room-kick-request": {
    room: string;
    peer_id: string;
    banned_until: number | boolean | null;
  };
  /** room-unban-request took effect */
  "room-unban-request": {
    room: string;
    id?: string;
    peer_id?: string;
  };
  /** room-policy-request took effect */
  "room-policy-request": {
    room: string;
    policy?: PolicyShown;
  };
  /** room-close-request took effect */
  "room-close-request": {
    room: string;
  };
  /** room-message-request took effect */
  "room-message-request": {
    room: string;
    id: number;
    time: number;
  };
  /** peer-update-request took effect */
  "peer-update-request": {};
  /** room-data-request took effect */
  "room-data-request": {
    room: string;
    version: number;
  };
}

/** What an acknowledgement says of an event. */
export type Answer<Event extends keyof Answers> = ({ ok: true } & Answers[Event]) | Refused;

/** What `Socket` takes as the events to listen to. */
export type ServerToClientEvents = { [Event in keyof Told]: (told: Told[Event]) => void };

/** What `Socket` takes as the events to emit. Each may ask for an acknowledgement. */
export type ClientToServerEvents = {
  [Event in keyof Said]: (
    ...said: [said: Said[Event]] | [said: Said[Event], answer: (answer: Answer<Event>) => void]
  ) => void;
};
