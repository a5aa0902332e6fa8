// Shows the records of /events as captions. What was said is only ever put into text nodes.
//
// Choices by query: theme=light|dark, background=transparent (captions over a picture),
// lines=N (of these), size=FACTOR, names=hide.
"use strict";

const MOST_TURNS = 60;
const SILENT_AFTER_MS = 10_000;
const ASK_AGAIN_MS = 1_000;

const root = document.documentElement;
const captions = document.getElementById("captions");
const keepsSounds = root.dataset.nonSpeech !== "hide";

const turns = new Map(); // place -> {element, final, session, order}
const voices = new Map(); // speaker -> number, in order of appearance
let silence = 0;

const asked = new URLSearchParams(location.search);
const number = (name, least, most) => {
  const value = Number(asked.get(name));
  return asked.has(name) && value >= least && value <= most ? value : null;
};
if (["light", "dark"].includes(asked.get("theme"))) root.classList.add(asked.get("theme"));
root.classList.toggle("overlay", asked.get("background") === "transparent");
root.style.setProperty("--lines", Math.round(number("lines", 1, 10) ?? 2));
root.style.setProperty("--size", number("size", 0.25, 4) ?? 1);
const showsNames = asked.get("names") !== "hide";

// What a turn says: the same reading of a Turn as everywhere else in the program.

const squash = (text) => text.replace(/\s+/g, "");
// Blanks of other widths, and those that do not break, stay.
const oneLine = (text) => text.split(/[ \t-\r\x1c-\x1f\x85\u2028\u2029]+/).filter(Boolean).join(" ");

function tagsOf(text) {
  const isTags = text.includes("[") && !text.replace(/\[[^[\]]*\]/g, "").trim();
  const tags = isTags ? [...text.matchAll(/\[\s*([^[\]]*?)\s*\]/g)] : [];
  return tags.map((tag) => tag[1]).filter(Boolean);
}

function read(turn) {
  const transcript = oneLine(turn.transcript ?? "");
  const utterance = oneLine(turn.utterance ?? "");
  const words = Array.isArray(turn.words) ? turn.words : [];
  const inUtterance = tagsOf(utterance);
  const tags = inUtterance.length ? inUtterance : tagsOf(transcript);
  if (tags.length) {
    const heard = tags.filter((tag) => tag.toLowerCase() !== "silence");
    return { settled: keepsSounds ? heard.map((tag) => `[${tag}]`).join(" ") : "", sound: true };
  }
  if (turn.final || turn.end_of_turn) return { settled: transcript || utterance };
  const text = (chosen) => chosen.map((word) => word.text ?? "").filter(Boolean);
  const sure = text(words.filter((word) => word.word_is_final));
  const open = text(words.filter((word) => !word.word_is_final));
  if (words.length && squash(transcript) === squash(sure.join(""))) {
    return { settled: transcript, open: open.join(" ") };
  }
  if (words.length && squash(transcript) === squash(sure.concat(open).join(""))) {
    const cut = positionAfter(transcript, squash(sure.join("")).length);
    return { settled: transcript.slice(0, cut).trim(), open: transcript.slice(cut).trim() };
  }
  return { open: transcript || open.join(" ") };
}

function positionAfter(text, letters) {
  let index = 0;
  for (; index < text.length && letters > 0; index += 1) letters -= /\s/.test(text[index]) ? 0 : 1;
  return index;
}

// Turns on the page.

function makeTurn() {
  const element = document.createElement("p");
  const text = document.createElement("span");
  const [name, settled, open] = ["b", "span", "span"].map((tag) => document.createElement(tag));
  element.className = "turn";
  element.dir = "auto";
  settled.className = "settled";
  open.className = "open";
  text.append(name, settled, open);
  element.append(text);
  captions.append(element);
  while (captions.childElementCount > MOST_TURNS) captions.firstElementChild.remove();
  return element;
}

function showTurn(record) {
  const place = `${record.source ?? ""}\n${record.turn}`;
  let turn = turns.get(place);
  if (turn?.final && !record.final) return; // an older version that comes late
  const said = read(record);
  const { settled = "", open = "", sound = false } = said;
  if (!settled && !open) {
    if (turn) forget(turn);
    turns.delete(place);
    return;
  }
  turn ??= { element: makeTurn() };
  turns.set(place, turn);
  Object.assign(turn, { final: record.final, session: record.session, order: record.turn_order });
  const { element } = turn;
  element.classList.toggle("partial", !record.final);
  element.classList.toggle("sound", sound);
  element.lang = typeof record.language_code === "string" ? record.language_code : "";
  element.querySelector(".settled").textContent = upright(settled);
  element.querySelector(".open").textContent = (settled && open ? " " : "") + upright(open);
  if (record.speaker_label || !turn.speaker) setSpeaker(turn, record.speaker_label);
  wakeUp();
}

// Without embeddings, overrides and isolates, which turn the rest of a line round.
function upright(text) {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}

function forget(turn) {
  const next = turn.element.nextElementSibling;
  turn.element.remove();
  if (next) joinSpeakers(next);
}

function setSpeaker(turn, label) {
  const speaker = showsNames && typeof label === "string" ? label : "";
  const { element } = turn;
  if (speaker && !voices.has(speaker)) voices.set(speaker, voices.size % 6);
  element.className = element.className.replace(/\s*voice-\d/, "");
  if (speaker) element.classList.add(`voice-${voices.get(speaker)}`);
  element.querySelector("b").textContent = /^[A-Z]$/.test(speaker) ? `Speaker ${speaker}` : speaker;
  turn.speaker = speaker;
  element.dataset.speaker = speaker;
  joinSpeakers(element);
  if (element.nextElementSibling) joinSpeakers(element.nextElementSibling);
}

// A name stands where the speaker changes, and not at each turn.
function joinSpeakers(element) {
  const before = element.previousElementSibling?.dataset.speaker ?? "";
  element.classList.toggle("same", before === element.dataset.speaker);
}

function revise(record) {
  for (const revision of record.revisions ?? []) {
    for (const turn of turns.values()) {
      if (turn.session === record.session && turn.order === revision.turn_order) {
        setSpeaker(turn, revision.speaker_label);
      }
    }
  }
}

function startRecording() {
  for (const turn of turns.values()) if (!turn.final) forget(turn);
  turns.clear(); // they count from 0 again
}

function wakeUp() {
  clearTimeout(silence);
  root.classList.remove("silent");
  silence = setTimeout(() => root.classList.add("silent"), SILENT_AFTER_MS);
}

// The stream.

function tell(text, live = false) {
  document.getElementById("status").textContent = text;
  root.classList.toggle("live", live);
}

function show(record) {
  if (record.type === "Turn") showTurn(record);
  else if (record.type === "SpeakerRevision") revise(record);
  else if (record.type === "Recording") startRecording();
  else if (record.type === "Disconnected") tell("the service is reconnecting");
  else if (record.type === "Begin") tell("live", true);
  else if (record.type === "Summary") tell("ended");
}

function listen() {
  // It names the run that this page is of, so that numbers of another one are not taken for its.
  const events = new EventSource(`events?run=${encodeURIComponent(root.dataset.run)}`);
  let over = false;
  events.onopen = () => tell("live", true);
  events.onmessage = (event) => show(JSON.parse(event.data));
  events.addEventListener("end", () => {
    over = true;
    tell("ended");
  });
  events.onerror = () => {
    if (!over) tell("waiting for the program");
    if (events.readyState === EventSource.CLOSED) startOver();
  };
}

// Another run, or none: the page begins anew as soon as there is one.
async function startOver() {
  try {
    const answer = await fetch("./", { cache: "no-store" });
    if (answer.ok) return void location.reload();
  } catch {
    // Nobody is there yet.
  }
  setTimeout(startOver, ASK_AGAIN_MS);
}

// A projector must not go dark for want of a hand on the mouse.
function stayAwake() {
  if (document.visibilityState === "visible") {
    navigator.wakeLock?.request("screen").catch(() => {});
  }
}

document.addEventListener("visibilitychange", stayAwake);
stayAwake();
listen();
