// Names for new rooms that can be read out over a phone.

const HOW = ["amber", "brave", "calm", "clever", "gentle", "golden", "happy", "lucky", "mellow", "quiet", "silver", "sunny"];
const WHAT = ["badger", "falcon", "fox", "heron", "lynx", "maple", "meadow", "otter", "panda", "river", "robin", "willow"];

export function newRoomName() {
  const [how, what, number] = crypto.getRandomValues(new Uint32Array(3));
  return `${HOW[how % HOW.length]}-${WHAT[what % WHAT.length]}-${100 + (number % 900)}`;
}
