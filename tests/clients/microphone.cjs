// Stands for the modules `mic` and `node-record-lpcm16`: counting audio of twelve words, then silence, four times as fast as
// real time. Ctrl+C is pressed when the program has printed the last word.
const { Readable } = require("node:stream");

const WORDS = 12;
const CHUNK_MS = 50;
let heardLast = false;
let pressed = false;

const write = process.stdout.write;
process.stdout.write = function (text, ...more) {
  heardLast ||= String(text).includes(`w${WORDS}`);
  return write.call(process.stdout, text, ...more);
};

function chunk(rate, number) {
  const samples = new Int16Array((rate * CHUNK_MS) / 1000);
  for (let at = 0; at < samples.length; at++) {
    const ms = number * CHUNK_MS + (at * 1000) / rate;
    const word = Math.floor(ms / 100) + 1;
    samples[at] = word <= WORDS && ms % 100 < 60 ? word : 0;
  }
  return Buffer.from(samples.buffer);
}

function microphone(rate) {
  const stream = new Readable({ read() {} });
  let timer = null;
  let number = 0;
  const start = () => {
    timer = setInterval(() => {
      stream.push(chunk(rate, number++));
      if (heardLast && !pressed) {
        pressed = true;
        process.kill(process.pid, "SIGINT");
      }
    }, CHUNK_MS / 4);
  };
  return { stream, start, stop: () => clearInterval(timer) };
}

function mic({ rate }) {
  const { stream, start, stop } = microphone(Number(rate));
  return { getAudioStream: () => stream, start, stop };
}

mic.record = ({ sampleRate }) => {
  const { stream, start, stop } = microphone(sampleRate);
  start();
  return { stream: () => stream, stop };
};

module.exports = mic;
