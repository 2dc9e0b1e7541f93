/** Faults of the network between one process and one server. */
import { sleep } from '../../src/platform/backoff.ts';
import type { Random } from '../../src/populate/random.ts';
import type { TcpProxy, Watcher } from '../support/tcp-proxy.ts';
import { between, pick, type Proxies, type Fault, type Scene, type Seat } from './fault.ts';
import { until } from '../support/until.ts';

type ProxyName = keyof Proxies | 'producer';

const PROXIES: readonly ProxyName[] = ['rabbitmq', 'redis', 'postgres', 'producer'];

interface Damage {
  readonly name: string;
  readonly about: string;
  readonly harm: (proxy: TcpProxy, scene: Scene) => Promise<void>;
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'cut',
    about: 'every connection is reset and refused for a while',
    async harm(proxy, { random }) {
      proxy.cut();
      await sleep(between(200, 2_000, random));
    },
  },
  {
    name: 'flap',
    about: 'every connection is reset again and again',
    async harm(proxy, { random }) {
      for (let time = 0; time < 6; time++) {
        proxy.reset();
        await sleep(between(20, 500, random));
      }
    },
  },
  {
    name: 'black-hole',
    about:
      'nothing gets through and nothing is closed for a while; then traffic continues, or every connection is reset',
    async harm(proxy, { random, stopMs }) {
      proxy.stall();
      await sleep(stopMs);
      if (random.below(2) === 0) proxy.reset();
    },
  },
  {
    name: 'latency',
    about: 'every byte is late by 50 to 400 ms',
    async harm(proxy, { random }) {
      proxy.delay(between(50, 400, random));
      await sleep(between(1_000, 3_000, random));
    },
  },
  {
    name: 'cut-after',
    about: 'every connection is reset after a random number of bytes',
    async harm(proxy, { random }) {
      for (let time = 0; time < 4; time++) {
        proxy.cutAfter(pick(['request', 'reply'], random), aroundBytes(random));
        await sleep(between(200, 700, random));
      }
    },
  },
  {
    name: 'reply-lost',
    about: 'the server works on, but its replies are discarded, then every connection is reset',
    async harm(proxy, { random }) {
      for (let time = 0; time < 2; time++) {
        proxy.swallow('reply');
        await sleep(between(100, 900, random));
        proxy.heal();
        await sleep(between(100, 500, random));
      }
    },
  },
];

/** From a single byte to several batches. */
function aroundBytes(random: Random): number {
  return Math.floor(10 ** (random.fraction() * 5));
}

export const NETWORK_FAULTS: readonly Fault[] = PROXIES.flatMap((proxyName) =>
  DAMAGES.map(({ name, about, harm }): Fault => ({
    name: `net-${proxyName}-${name}`,
    about: `between ${proxyName === 'producer' ? 'the producer and rabbitmq' : `a worker and ${proxyName}`}: ${about}`,
    async inject(scene) {
      const proxy = proxyName === 'producer' ? scene.producerProxy : scene.seat.proxies[proxyName];
      try {
        await harm(proxy, scene);
      } finally {
        proxy.heal();
      }
      return undefined;
    },
  })),
);

/** Breaks the connection at one exact point of a protocol. */
export const EXACT_FAULTS: readonly Fault[] = [
  ...['append', 'commit', 'lease', 'seal', 'discard'].map((call): Fault => ({
    name: `reply-lost-${call}`,
    about: `Redis has run pulse_${call}, the connection breaks before its reply arrives`,
    inject: (scene) =>
      atPlace(scene, 'redis', (direction, chunk, line) => {
        if (direction !== 'request' || !isCall(chunk, call)) return undefined;
        line.swallowReply();
        return true;
      }),
  })),
  {
    name: 'append-lost-kill',
    about: 'a batch never reaches the journal, and after a while the worker gets SIGKILL',
    inject: (scene) => loseThenKill(scene, 'redis', (chunk) => isCall(chunk, 'append')),
  },
  {
    name: 'fold-lost-kill',
    about: 'a commit of the fold never reaches Redis, and after a while the worker gets SIGKILL',
    inject: (scene) => loseThenKill(scene, 'redis', (chunk) => isCall(chunk, 'commit')),
  },
  {
    name: 'dead-letter-lost-kill',
    about: 'a dead letter never reaches the broker, and after a while the worker gets SIGKILL',
    inject: (scene) => loseThenKill(scene, 'rabbitmq', (chunk) => chunk.includes(DEAD_LETTER_MARK)),
  },
  {
    name: 'dead-letter-lost',
    about:
      'a dead letter never reaches the broker: its connection breaks, but not that of the consumer',
    inject: (scene) =>
      atPlace(scene, 'rabbitmq', (direction, chunk, line) => {
        if (direction !== 'request' || !chunk.includes(DEAD_LETTER_MARK)) return undefined;
        line.destroy();
        return false;
      }),
  },
  {
    name: 'dead-letter-confirm-lost',
    about: 'the broker has a dead letter, the connection breaks before the worker knows',
    inject: (scene) =>
      atPlace(scene, 'rabbitmq', (direction, chunk, line) => {
        if (direction !== 'request' || !chunk.includes(DEAD_LETTER_MARK)) return undefined;
        line.swallowReply();
        return true;
      }),
  },
  {
    name: 'commit-answer-lost',
    about: 'Postgres has committed a flush, the connection breaks before its answer arrives',
    inject: (scene) =>
      atPlace(scene, 'postgres', (direction, chunk, line) => {
        if (!isCommitOfFlush(direction, chunk, line.notes)) return undefined;
        line.swallowReply();
        return true;
      }),
  },
  {
    name: 'commit-lost',
    about: 'the connection breaks as COMMIT of a flush is sent, before Postgres has it',
    inject: (scene) =>
      atPlace(scene, 'postgres', (direction, chunk, line) => {
        if (!isCommitOfFlush(direction, chunk, line.notes)) return undefined;
        line.destroy();
        return false;
      }),
  },
];

/** A worker probes Redis with an empty entry, which is shorter than any entry with pulses. */
const PROBE_BYTES_MAX = 300;

function isCall(chunk: Buffer, call: string): boolean {
  if (!chunk.includes(`pulse_${call}`)) return false;
  return call !== 'append' || chunk.length > PROBE_BYTES_MAX;
}

/** Long enough for an acknowledgement that wrongly does not wait to reach the broker. */
const LOST_BEFORE_KILL_MS = 600;

async function loseThenKill(
  { seats }: Scene,
  proxyName: keyof Proxies,
  isMeant: (chunk: Buffer) => boolean,
): Promise<undefined> {
  const lost = new Set<Seat>();
  for (const seat of seats) {
    seat.proxies[proxyName].watch((direction, chunk, line) => {
      if (direction !== 'request') return true;
      if (isMeant(chunk)) line.notes.add('lost');
      if (!line.notes.has('lost')) return true;
      lost.add(seat);
      return false;
    });
  }
  try {
    await until('something to lose', 20_000, () => lost.size > 0);
    await sleep(LOST_BEFORE_KILL_MS);
    for (const { worker } of lost) worker.kill();
  } finally {
    for (const { proxies } of seats) {
      proxies[proxyName].watch(undefined);
      proxies[proxyName].reset();
    }
  }
  return undefined;
}

/** A header on every dead letter; see contract/rejection.ts. */
const DEAD_LETTER_MARK = 'x-pulse-dead-letter-id';

function isCommitOfFlush(direction: string, chunk: Buffer, notes: Set<string>): boolean {
  if (direction !== 'request') return false;
  if (chunk.includes('INSERT INTO flush_batches')) notes.add('flush');
  if (!chunk.includes('COMMIT\0')) return false;
  return notes.delete('flush');
}

/** Waits for one to three hits. A round without a hit proves nothing. */
async function atPlace(
  { seats, random }: Scene,
  proxyName: keyof Proxies,
  watcher: (...given: Parameters<Watcher>) => boolean | undefined,
): Promise<string> {
  const wanted = between(1, 3, random);
  let times = 0;
  const watchAll = (watched: Watcher | undefined): void => {
    for (const { proxies } of seats) proxies[proxyName].watch(watched);
  };
  watchAll((...given) => {
    const passes = times < wanted ? watcher(...given) : undefined;
    if (passes !== undefined) times += 1;
    return passes ?? true;
  });
  try {
    await until('the place in the protocol', 20_000, () => times > 0);
    await until('its repetition', 4_000, () => times >= wanted).catch(() => undefined);
    // The last one may still be waiting for the server's reply.
    await sleep(300);
  } finally {
    watchAll(undefined);
  }
  return `${times} times`;
}
