"""A camera and a microphone that the browser hands out when the test says so."""

# `asked` are the requests of the page that nobody has answered yet; `tracks` all that were ever handed out.
HARDWARE = """
window.asked = [];
window.tracks = [];
const canvas = document.createElement("canvas");
canvas.getContext("2d");
let sound;
function track(kind) {
  if (kind === "video") return canvas.captureStream(5).getVideoTracks()[0];
  sound ??= new AudioContext().createMediaStreamDestination();
  return sound.stream.getAudioTracks()[0].clone();
}
navigator.mediaDevices.getUserMedia = (wishes) => new Promise((resolve, reject) => {
  const kinds = Object.keys(wishes);
  const grant = () => {
    const given = kinds.map(track);
    window.tracks.push(...given);
    resolve(new MediaStream(given));
  };
  window.asked.push({ kinds, wishes, grant, deny: (name) => reject(new DOMException("", name)) });
});
navigator.mediaDevices.enumerateDevices = async () => ["audio", "video"].flatMap((kind) =>
  ["one", "two"].map((deviceId) => ({ kind: `${kind}input`, deviceId, label: `${kind} ${deviceId}` })));
window.answer = (how = "grant", name = "NotAllowedError") => window.asked.shift()[how](name);
window.live = (kind) => window.tracks.filter((it) => it.kind === kind && it.readyState === "live" && it.enabled).length;
window.held = (kind) => window.tracks.filter((it) => it.kind === kind && it.readyState === "live").length;
window.button = (kind) => document.getElementById({ audio: "microphone-switch", video: "camera-switch" }[kind]);
window.on = (kind) => window.button(kind).getAttribute("aria-pressed") === "true";
window.busy = (kind) => window.button(kind).getAttribute("aria-busy") === "true";
window.pick = (kind, id) => {
  const picker = document.getElementById({ audio: "microphone-picker", video: "camera-picker" }[kind]);
  picker.value = id;
  picker.onchange({ target: { value: id } });
};
window.settled = () => new Promise((done) => setTimeout(done)); // all that is to follow at once has followed
window.state = (kind) => `${window.on(kind) ? "on" : "off"}, ${window.live(kind)} live`;
"""
