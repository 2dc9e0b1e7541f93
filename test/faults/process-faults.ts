/** Faults of Pulse's own processes and threads. */
import { writeFileSync } from 'node:fs';
import { sleep, waitAtMost } from '../../src/platform/backoff.ts';
import { FLUSH_STEPS } from '../../src/flush/flush-steps.ts';
import { INGEST_STEPS } from '../../src/ingest/ingest-steps.ts';
import { askUntilAnswered, TOKEN } from './api-client.ts';
import { between, pick, type Fault, type Scene } from './fault.ts';
import { NotReachedError, until } from '../support/until.ts';
import { isSuspended, type PulseChild } from './pulse-child.ts';

const REACHED_TIMEOUT_MS = 20_000;

/** A crash between every pair of numbered steps, each as a separate fault. */
export const CRASH_FAULTS: readonly Fault[] = [
  ...INGEST_STEPS.map((step): Fault => ({
    name: `crash-ingest-${step}`,
    about: `SIGKILL of a worker right after a batch is ${step}`,
    firstEnv: (random) => ({ PULSE_CRASH_AT: `ingest:${step}:${between(1, 5, random)}` }),
    atOnce: true,
    inject: untilKilled,
  })),
  ...INGEST_STEPS.map((step): Fault => ({
    name: `crash-thread-${step}`,
    about: `end of one of two ingest threads right after a batch is ${step}`,
    threads: 2,
    firstEnv: (random) => ({ PULSE_CRASH_AT: `thread:${step}:${between(1, 4, random)}` }),
    atOnce: true,
    async inject({ seat }) {
      await until('the thread died', REACHED_TIMEOUT_MS, () =>
        seat.worker.output.includes('ingest thread died'),
      );
      return undefined;
    },
  })),
  ...FLUSH_STEPS.map((step): Fault => ({
    name: `crash-flush-${step}`,
    about: `SIGKILL of a worker right after a flush has ${step}`,
    firstEnv: () => ({ PULSE_CRASH_AT: `flush:${step}:1` }),
    atOnce: true,
    inject: untilKilled,
  })),
];

async function untilKilled({ seat }: Scene): Promise<undefined> {
  await until('the crash point', REACHED_TIMEOUT_MS, () => seat.worker.ends.includes('SIGKILL'));
  return undefined;
}

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: 'worker-kill',
    about: 'SIGKILL of a worker, one to three times',
    async inject({ seat, random }) {
      const times = between(1, 3, random);
      for (let time = 0; time < times; time++) {
        seat.worker.kill();
        await sleep(between(300, 1_500, random));
      }
      return undefined;
    },
  },
  {
    name: 'worker-freeze',
    about: 'SIGSTOP of a worker, SIGCONT later',
    async inject({ seat, stopMs }) {
      const { child } = seat.worker;
      child.signal('SIGSTOP');
      await sleep(stopMs);
      child.signal('SIGCONT');
      return undefined;
    },
  },
  {
    name: 'worker-zombie',
    about: 'SIGSTOP of a worker, the broker redelivers its pulses to another, then it wakes up',
    workers: 2,
    async inject({ seat, stopMs }) {
      const { child } = seat.worker;
      child.signal('SIGSTOP');
      seat.proxies.rabbitmq.reset();
      await sleep(stopMs);
      child.signal('SIGCONT');
      return undefined;
    },
  },
  {
    name: 'workers-many',
    about: 'three workers, all killed at different times',
    workers: 3,
    async inject({ seats, random }) {
      for (const { worker } of seats) {
        worker.kill();
        await sleep(between(0, 600, random));
      }
      return undefined;
    },
  },
  {
    name: 'flusher-kill',
    about: 'SIGKILL of `pulse flush` at a random moment, three times',
    async inject({ startPulse, random }) {
      for (let time = 0; time < 3; time++) {
        const { child } = await startPulse(['flush']);
        await waitAtMost(between(350, 900, random), child.ended);
        child.signal('SIGKILL');
        await child.ended;
      }
      return undefined;
    },
  },
  {
    name: 'flusher-zombie',
    about: '`pulse flush` is suspended between two steps, others flush, then it wakes up',
    async inject(scene) {
      const { startPulse, random, stopMs } = scene;
      const step = pick(FLUSH_STEPS, random);
      const env = { PULSE_CRASH_AT: `flush:${step}:1:stop` };
      let child: PulseChild;
      let attempts = 0;
      do {
        // The workers' flushes may have left nothing to do.
        if (attempts++ === 5) throw new NotReachedError('not reached: it had nothing to flush');
        ({ child } = await startPulse(['flush', '--allow-test-faults'], env));
        const { pid } = child;
        await Promise.race([child.ended, until('a suspension', 20_000, () => isSuspended(pid))]);
      } while (child.hasEnded);
      const others = await Promise.all([startPulse(['flush']), startPulse(['flush'])]);
      await waitAtMost(stopMs, Promise.all(others.map((other) => other.child.ended)));
      child.signal('SIGCONT');
      await child.ended;
      return step;
    },
  },
  {
    name: 'flushers-many',
    about: 'four runs of `pulse flush` at once, next to the workers',
    async inject({ startPulse }) {
      const flushers = await Promise.all([1, 2, 3, 4].map(() => startPulse(['flush'])));
      const ends = await Promise.all(flushers.map(({ child }) => child.ended));
      const failed = flushers.filter((_, index) => ends[index]?.exitCode !== 0);
      if (failed[0] !== undefined) throw new Error(`a flush failed: ${failed[0].child.output}`);
      return undefined;
    },
  },
  {
    name: 'flush-overlong',
    about: 'Postgres is so slow that a flush outlasts the cron period several times',
    async inject({ seat, random }) {
      seat.proxies.postgres.delay(between(300, 600, random));
      await sleep(6_000);
      seat.proxies.postgres.heal();
      return undefined;
    },
  },
  {
    name: 'clock-jump',
    about: "a worker's wall clock (JavaScript's Date, not Redis's) jumps a day ahead and back",
    shiftedClock: true,
    async inject({ clockFile, random }) {
      for (const seconds of [86_400, -200, between(1, 7_200, random), 0]) {
        writeFileSync(clockFile, String(seconds * 1000));
        await sleep(between(500, 1_200, random));
      }
      return undefined;
    },
  },
  {
    name: 'api-kill',
    about: 'SIGKILL of the API in the middle of a populate run',
    inject: killApiDuringPopulate,
  },
];

const POPULATE_TOTAL = 20_000;

async function killApiDuringPopulate(scene: Scene): Promise<string> {
  const { child } = await scene.startPulse(['api', '--json'], { SECRET_TOKEN: TOKEN });
  const { api } = JSON.parse((await child.firstLine()) ?? '{}') as { api: string };
  const run = { total_messages: POPULATE_TOTAL, workers_number: 2, buffer_size: 100 };
  const url = `${api}/api/v1/pulses/populate`;
  const request = { method: 'POST', url, body: JSON.stringify(run) };
  // Each of them starts a run, whether or not it is answered.
  const { text } = await askUntilAnswered(request, () => {
    scene.foreign.most += POPULATE_TOTAL;
  });
  const { id } = JSON.parse(text) as { id: string };
  const readRun = async () => {
    const { rows } = await scene.admin.query<{ state: string; confirmed: string }>(
      'SELECT state, confirmed FROM populate_runs WHERE id = $1',
      [id],
    );
    return { state: rows[0]?.state ?? '', confirmed: Number(rows[0]?.confirmed ?? 0) };
  };
  await until('the populate run', REACHED_TIMEOUT_MS, async () => (await readRun()).confirmed > 0);
  child.signal('SIGKILL');
  await child.ended;
  const { state, confirmed } = await readRun();
  scene.foreign.least += confirmed;
  if (state !== 'running') throw new NotReachedError(`not reached: the run had ${state} before`);
  return `${confirmed} of ${POPULATE_TOTAL} confirmed`;
}
