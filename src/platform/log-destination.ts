/**
 * Writes log lines to standard error, and never fails: a log that cannot be written must not end the process.
 *
 * While a write fails, because the disk is full or nobody reads the pipe, it is tried again and again. Lines wait
 * meanwhile, and those that do not fit are left out and counted. What waits at the exit is written then, or lost.
 *
 * pino's own destination ends the process when the disk is full, and then keeps it from exiting.
 */
import fs from 'node:fs';
import type { DestinationStream } from 'pino';

/** Characters of lines that wait. */
const WAITING_MAX = 4 * 1024 * 1024;
const RETRY_MS = 200;
const STANDARD_ERROR = 2;

export class LogDestination implements DestinationStream {
  readonly #fd: number;
  readonly #waitingMax: number;
  #lines: string[] = [];
  #waiting = 0;
  #leftOut = 0;
  #isWriting = false;
  /** Of the last write, if it failed and is to be tried again. */
  #failed: Buffer = Buffer.alloc(0);

  constructor(fd: number, waitingMax = WAITING_MAX) {
    this.#fd = fd;
    this.#waitingMax = waitingMax;
  }

  write(line: string): void {
    if (this.#waiting + line.length > this.#waitingMax) this.#leftOut += 1;
    else this.#add(line);
    if (!this.#isWriting) this.#write(this.#takeAll());
  }

  /** Writes what waits, as far as it can be written at once. What is being written is left to the system. */
  flushSync(): void {
    let rest = Buffer.concat([this.#failed, this.#takeAll()]);
    try {
      while (rest.length > 0) rest = rest.subarray(fs.writeSync(this.#fd, rest));
    } catch {
      // Lost.
    }
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#waiting += line.length;
  }

  #takeAll(): Buffer {
    if (this.#leftOut > 0) this.#add(leftOutLine(this.#leftOut));
    const all = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#waiting = 0;
    this.#leftOut = 0;
    return all;
  }

  #write(bytes: Buffer): void {
    this.#isWriting = true;
    this.#failed = Buffer.alloc(0);
    fs.write(this.#fd, bytes, 0, bytes.length, null, (error, written) => {
      if (error !== null) this.#retry(bytes);
      else if (written < bytes.length) this.#write(bytes.subarray(written));
      else if (this.#waiting > 0) this.#write(this.#takeAll());
      else this.#isWriting = false;
    });
  }

  #retry(bytes: Buffer): void {
    this.#failed = bytes;
    setTimeout(() => {
      this.#write(bytes);
    }, RETRY_MS).unref();
  }
}

/** Of this thread. */
let standardError: LogDestination | undefined;

export function standardErrorLog(): LogDestination {
  if (standardError === undefined) {
    const created = (standardError = new LogDestination(STANDARD_ERROR));
    process.on('exit', () => {
      created.flushSync();
    });
  }
  return standardError;
}

function leftOutLine(count: number): string {
  const facts = { level: 40, time: Date.now(), pid: process.pid, count };
  return `${JSON.stringify({ ...facts, msg: 'log lines were left out: they could not be written' })}\n`;
}
