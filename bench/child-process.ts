/** Programs of the bench that run in separate processes, like the measured worker. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer } from './processes/answer-parent.ts';

export interface BenchChild<Order> {
  readonly pid: number;
  /** One request at a time. @throws Error with the child's error, or when it ends before it answers. */
  ask(order: Order): Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  close(): Promise<void>;
}

/** Starts `processes/<name>`. It ends with this process. */
export function startChild<Order extends object>(name: string): BenchChild<Order> {
  const path = fileURLToPath(new URL(`./processes/${name}.js`, import.meta.url));
  // Sends typed arrays without conversion.
  const child = fork(path, [], { serialization: 'advanced', execArgv: [] });
  // A stopped child would not notice that its channel is closed.
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const ended = once(child, 'exit').then(() => {
    process.off('exit', killWithUs);
  });
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      const answered = once(child, 'message').then(([answer]) => answer as Answer);
      child.send(order);
      const answer = await Promise.race([answered, ended]);
      if (answer === undefined) throw new Error(`The process ${name} ended before it answered.`);
      if (answer.kind === 'failed') throw new Error(`${name}: ${answer.reason}`);
      return answer.value;
    },
    signal: (signal) => void child.kill(signal),
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
