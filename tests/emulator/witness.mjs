// Calls a local fal with the official JavaScript client and prints what it saw, as one JSON object.
// The client's hosts are constants: its fetch leads them to the addresses given as arguments.
import { createRequire } from "node:module";

const [folder, queue, run, rest] = process.argv.slice(2);
const { createFalClient } = createRequire(`${folder}/`)("@fal-ai/client");
const MODEL = "acme/paint/turbo";
const hosts = {
  "https://queue.fal.run": queue,
  "https://fal.run": run,
  "https://rest.fal.ai": rest,
};

function local(url, options) {
  const { origin } = new URL(url);
  return fetch(hosts[origin] ? hosts[origin] + url.slice(origin.length) : url, options);
}

const fal = createFalClient({ credentials: process.env.FAL_KEY, fetch: local });

async function subscribed(prompt, options) {
  const statuses = [];
  const lines = [];
  const ended = await fal.subscribe(MODEL, {
    input: { prompt },
    logs: true,
    onQueueUpdate: (update) => {
      statuses.push(update.status);
      lines.push((update.logs ?? []).length);
    },
    ...options,
  });
  return { prompt: ended.data.prompt, requestId: ended.requestId, statuses, lines };
}

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return { status: error.status, detail: error.body?.detail };
  }
  return null;
}

const large = new Blob([new Uint8Array(91 * 1024 * 1024).fill(7)], { type: "video/mp4" });
const cancelled = await fal.queue.submit(MODEL, { input: { prompt: "cancelled" } });
await fal.queue.cancel(MODEL, { requestId: cancelled.request_id });

console.log(
  JSON.stringify({
    run: (await fal.run(MODEL, { input: { prompt: "run" } })).data.prompt,
    polling: await subscribed("polling", { pollInterval: 50 }),
    streaming: await subscribed("streaming", { mode: "streaming" }),
    client: await subscribed("client", { mode: "streaming", connectionMode: "client" }),
    invalid: await refused(() => fal.subscribe(MODEL, { input: {} })),
    cancelled: await refused(() => fal.queue.result(MODEL, { requestId: cancelled.request_id })),
    uploaded: await fal.storage.upload(new Blob(["small"], { type: "text/plain" })),
    inParts: await fal.storage.upload(large),
  }),
);
