// The official JavaScript SDK: prints the formatted finals of counting audio as JSON.
import { AssemblyAI } from "assemblyai";

const [url] = process.argv.slice(2);
const transcriber = new AssemblyAI({ apiKey: "any" }).streaming.transcriber({
  websocketBaseUrl: url,
  sampleRate: 16_000,
  speechModel: "universal-streaming-english",
  formatTurns: true,
});
const finals = [];
transcriber.on("turn", (turn) => {
  if (turn.end_of_turn && turn.turn_is_formatted) finals.push(turn.transcript);
});
await transcriber.connect();
for (let word = 1; word <= 12; word++) {
  const samples = new Int16Array(1600).fill(word, 0, 960);
  transcriber.sendAudio(samples.buffer);
}
await transcriber.close();
console.log(JSON.stringify(finals));
