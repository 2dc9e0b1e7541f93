/** A signal may come before the command has been loaded. */
import { afterEach, expect, test, vi } from 'vitest';
import { runAction } from '../../src/cli/command.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/commands/command-list.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function stopped(env: Readonly<Record<string, string>>) {
  const out = { stdout: '', stderr: '' };
  const environment = {
    env: { LOG_LEVEL: 'silent', ...env },
    stdout: { write: (text: string) => (out.stdout += text) },
    stderr: { write: (text: string) => (out.stderr += text) },
    stop: AbortSignal.abort(),
  };
  return { environment, out };
}

test('the enrichment service ends', async () => {
  const { environment } = stopped({});
  expect(await runCommandLine(['enrichment-service', '--port', '0'], environment, COMMANDS)).toBe(
    0,
  );
});

test('what keeps a command alive is ended in time', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
  const { environment, out } = stopped({
    RABBITMQ_URL: 'amqp://127.0.0.1:1',
    REDIS_URL: 'redis://127.0.0.1:1',
    DATABASE_URL: 'postgres://127.0.0.1:1/pulse',
    STOP_TIMEOUT_SECONDS: '10',
  });
  let end: (exitCode: number) => void = () => undefined;
  const hanging = new Promise<number>((resolve) => (end = resolve));
  const running = runAction(environment, { api: false, testFaults: false }, () => hanging);
  vi.advanceTimersByTime(14_999);
  expect(exit).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
  expect(out.stderr).toContain('could not finish in time');
  end(0);
  await running;
});
