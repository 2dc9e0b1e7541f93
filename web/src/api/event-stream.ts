/** Reads server-sent events for as long as they come. */

/** An event is a few kilobytes. */
const BUFFER_MAX = 1_000_000;

interface EventStreamOptions {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Nothing for so long, not even a heartbeat: the connection is dead, though nobody has said so. */
  readonly silenceMs: number;
  /** Asks for the stream. What it rejects with is the error. */
  readonly open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>;
  /** Called with the lines of each event. */
  readonly onEvent: (lines: readonly string[]) => void;
}

/** Reads until the stream ends. Rejects when it fails, falls silent or is ended. */
export async function readEvents(options: EventStreamOptions): Promise<void> {
  const { signal, silenceMs, open, onEvent } = options;
  const ending = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      ending.abort();
    }, silenceMs);
  };
  heard();
  try {
    const body = await open(AbortSignal.any([signal, ending.signal]));
    if (body !== null) await readBody(body, { heard, onEvent });
  } catch (error) {
    // Only silence has ended it so far.
    if (!ending.signal.aborted) throw error;
    const seconds = silenceMs / 1_000;
    throw new Error(`Nothing has come for ${seconds} seconds. The page goes on trying.`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    // Also after an event that cannot be read.
    ending.abort();
  }
}

async function readBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { heard, onEvent }: { heard: () => void } & Pick<EventStreamOptions, 'onEvent'>,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    heard();
    text += value;
    if (text.length > BUFFER_MAX) throw new Error('An event of the stream is too long.');
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) onEvent(event.split('\n'));
  }
}
