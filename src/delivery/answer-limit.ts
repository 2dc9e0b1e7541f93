/** Bounds what a receiver can make a sender read. */
import type { Socket } from 'node:net';
import { RejectedError } from '../core/errors.ts';

/**
 * Of the answer to one webhook, with its interim answers, heads, chunk sizes and trailers. They are not part of the
 * body, but whoever sends them without end costs as much.
 */
export const ANSWER_BYTES_MAX = 64 * 1024;

/**
 * Destroys the connection when the answer to one request has more than `ANSWER_BYTES_MAX`. What has been read until
 * then is parsed first: at most one read more than the limit.
 *
 * Requires that no request is written before the answer to the one before has been read.
 */
export function limitAnswers(socket: Socket): void {
  let writtenBytes = socket.bytesWritten;
  let readBytes = socket.bytesRead;
  let readBytesBefore = readBytes;
  socket.on('readable', () => {
    // What has been written since is the next request: what comes from now on is the answer to it.
    if (socket.bytesWritten !== writtenBytes) readBytesBefore = readBytes;
    writtenBytes = socket.bytesWritten;
    readBytes = socket.bytesRead;
    if (readBytes - readBytesBefore <= ANSWER_BYTES_MAX) return;
    process.nextTick(() => {
      const what = `The answer has more than ${ANSWER_BYTES_MAX} bytes.`;
      socket.destroy(new RejectedError('PULSE_DELIVERY_ANSWER_TOO_LARGE', what));
    });
  });
}
