// The events that a client counts for `received`. Made from the server's declarations by `make docs`.
export const COUNTED = new Set([
  "auth-expiring",
  "session-ended",
  "room-join-request",
  "room-join-accept",
  "room-user-join",
  "room-user-leave",
  "room-closed",
  "room-join-gone",
  "room-role",
  "room-kicked",
  "room-policy",
  "room-message",
  "room-user-update",
  "room-data",
  "session-description",
  "ice-candidate",
]);
