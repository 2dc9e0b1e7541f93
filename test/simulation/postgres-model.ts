/**
 * Postgres as far as the flush and the quarantine rely on it: transactions that are rolled back when their
 * connection ends, a primary key on which a second transaction waits for the first, advisory locks, and COPY.
 * It recognises the statements of the production code by parts of their text and refuses all others.
 */
import { DatabaseError } from 'pg';
import type { World } from './world.ts';

export interface Result {
  readonly command: string;
  readonly rowCount: number;
  readonly rows: readonly object[];
}

export type Reply = (answer: Result | DatabaseError) => void;

export interface LedgerRow {
  readonly shard: number;
  readonly rowCount: number;
  readonly pulseCount: bigint;
}

export interface DeadLetterRow {
  readonly body: Buffer;
  readonly messageId: string | null;
  readonly pulseIndex: number | null;
  readonly reason: string;
}

interface Transaction {
  readonly ledger: Map<string, LedgerRow>;
  readonly lines: string[];
  failed: boolean;
}

/** The server's end of a connection. */
export class Session {
  transaction: Transaction | undefined;
  /** Called when a ledger entry that another session holds is released. */
  retry: (() => void) | undefined;
}

export class PostgresModel {
  readonly ledger = new Map<string, LedgerRow>();
  /** The lines of COPY, by the batch that they belong to. */
  readonly rows = new Map<string, string[]>();
  readonly deadLetters = new Map<string, DeadLetterRow>();
  /** How many of the next connections it refuses, as during a restart. */
  refusals = 0;
  /** The next COMMITs whose connection breaks as they are sent: true when they still arrive. */
  readonly brokenCommits: boolean[] = [];
  /** How many of the next COPYs lose their connection midway. */
  brokenCopies = 0;
  /** Whether advisory locks keep flushers apart. The guarantee must hold without them. */
  readonly #locksWork: boolean;
  readonly #world: World;
  readonly #entryHolders = new Map<string, Session>();
  readonly #lockHolders = new Map<string, Session>();
  readonly #waiting = new Set<Session>();
  #nextId = 1;

  constructor(world: World, { locksWork }: { locksWork: boolean }) {
    this.#world = world;
    this.#locksWork = locksWork;
  }

  execute(session: Session, text: string, values: readonly unknown[], reply: Reply): void {
    const statement = STATEMENTS.find(([part]) => text.includes(part));
    if (statement === undefined) {
      this.#world.fail(new Error(`The model does not know this statement: ${text}`));
      return;
    }
    const name = statement[1];
    const failed = session.transaction?.failed === true;
    if (name === 'commit') reply(this.#commit(session));
    else if (name === 'rollback') reply(this.#rollBack(session));
    else if (failed) reply(refusal('25P02', 'current transaction is aborted'));
    else if (name === 'record') this.#record(session, { text, values, reply });
    else reply(this.#answer(session, name, values));
  }

  /** Applies the lines of one COPY that the connection has received completely. */
  copy(session: Session, lines: readonly string[]): Result {
    const { transaction } = session;
    if (transaction === undefined) throw new Error('COPY outside a transaction');
    transaction.lines.push(...lines);
    return { command: 'COPY', rowCount: lines.length, rows: [] };
  }

  fail(session: Session): void {
    if (session.transaction !== undefined) session.transaction.failed = true;
  }

  /** Called when the connection is lost or ended. */
  disconnect(session: Session): void {
    this.#waiting.delete(session);
    session.retry = undefined;
    this.#rollBack(session);
  }

  #answer(
    session: Session,
    name: Exclude<StatementName, 'commit' | 'rollback' | 'record'>,
    values: readonly unknown[],
  ): Result {
    switch (name) {
      case 'begin':
        session.transaction = { ledger: new Map(), lines: [], failed: false };
        return result('BEGIN');
      case 'partitions':
        return result('SELECT');
      case 'blocks':
        return result('INSERT');
      // No tenant has a customer here.
      case 'hours':
        return result('INSERT');
      case 'claim':
        return result('SELECT', [{ claimed: this.#claim(session, String(values[1])) }]);
      case 'find': {
        const entry = this.ledger.get(String(values[0]));
        if (entry === undefined) return result('SELECT');
        const { rowCount, pulseCount } = entry;
        return result('SELECT', [{ row_count: String(rowCount), pulse_count: String(pulseCount) }]);
      }
      case 'sum':
        return result('SELECT', [{ total: String(this.#sumFlushed(values)) }]);
      case 'count dead letters':
        return result('SELECT', [{ total: String(this.deadLetters.size) }]);
      case 'quarantine':
        return result('INSERT', this.#quarantine(values));
    }
  }

  #claim(session: Session, batchId: string): boolean {
    const holder = this.#lockHolders.get(batchId);
    if (!this.#locksWork || holder === session) return true;
    if (holder !== undefined) {
      this.#world.meet('batch locked by another flusher');
      return false;
    }
    this.#lockHolders.set(batchId, session);
    return true;
  }

  #record(
    session: Session,
    given: { text: string; values: readonly unknown[]; reply: Reply },
  ): void {
    const { text, values, reply } = given;
    const [id, shard, rowCount, pulseCount] = values.map(String) as [string, ...string[]];
    if (this.ledger.has(id)) {
      this.#world.meet('batch found in the ledger');
      if (text.includes('ON CONFLICT (id) DO NOTHING')) reply(result('INSERT'));
      else reply(this.#refuse(session, '23505', 'duplicate key value'));
      return;
    }
    const holder = this.#entryHolders.get(id);
    if (holder !== undefined && holder !== session) {
      this.#world.meet('waited for another flusher’s ledger row');
      this.#waiting.add(session);
      session.retry = () => {
        this.#record(session, given);
      };
      return;
    }
    this.#entryHolders.set(id, session);
    session.transaction?.ledger.set(id, {
      shard: Number(shard),
      rowCount: Number(rowCount),
      pulseCount: BigInt(pulseCount ?? 0),
    });
    reply(result('INSERT', [{ first_id: String(this.#nextId) }]));
    this.#nextId += Number(rowCount);
  }

  #refuse(session: Session, code: string, message: string): DatabaseError {
    this.fail(session);
    return refusal(code, message);
  }

  #commit(session: Session): Result {
    const { transaction } = session;
    if (transaction === undefined || transaction.failed) return this.#rollBack(session);
    for (const [id, entry] of transaction.ledger) this.ledger.set(id, entry);
    for (const line of transaction.lines) {
      const batchId = line.split('\t').at(-1) ?? '';
      const lines = this.rows.get(batchId) ?? [];
      lines.push(line);
      this.rows.set(batchId, lines);
    }
    this.#end(session);
    return result('COMMIT');
  }

  #rollBack(session: Session): Result {
    this.#end(session);
    return result('ROLLBACK');
  }

  /** Releases all locks, and lets waiting sessions try again. */
  #end(session: Session): void {
    session.transaction = undefined;
    for (const holders of [this.#entryHolders, this.#lockHolders]) {
      for (const [id, holder] of holders) if (holder === session) holders.delete(id);
    }
    for (const waiting of [...this.#waiting]) {
      this.#waiting.delete(waiting);
      this.#world.task('postgres lets a waiting session go on', () => {
        const { retry } = waiting;
        waiting.retry = undefined;
        retry?.();
      });
    }
  }

  #sumFlushed([shard, exceptBatchIds]: readonly unknown[]): bigint {
    const except = new Set(exceptBatchIds as string[]);
    let total = 0n;
    for (const [id, entry] of this.ledger) {
      if (entry.shard === shard && !except.has(id)) total += entry.pulseCount;
    }
    return total;
  }

  #quarantine(columns: readonly unknown[]): object[] {
    const [ids = [], reasons, , bodies, , messageIds, indexes] = columns as unknown[][];
    return ids.flatMap((id, at) => {
      if (this.deadLetters.has(String(id))) {
        this.#world.meet('dead letter came twice');
        return [];
      }
      const reason = String(reasons?.[at]);
      this.deadLetters.set(String(id), {
        reason,
        body: bodies?.[at] as Buffer,
        messageId: messageIds?.[at] as string | null,
        pulseIndex: indexes?.[at] as number | null,
      });
      return [{ reason }];
    });
  }
}

const STATEMENTS = [
  ['BEGIN', 'begin'],
  ['COMMIT', 'commit'],
  ['ROLLBACK', 'rollback'],
  ['SELECT ensure_pulses_partitions', 'partitions'],
  ["SELECT set_config('statement_timeout'", 'claim'],
  ['INSERT INTO flush_batches', 'record'],
  ['INSERT INTO pulse_blocks', 'blocks'],
  ['INSERT INTO flushed_hours', 'hours'],
  ['SELECT row_count, pulse_count FROM flush_batches WHERE id', 'find'],
  ['SELECT coalesce(sum(pulse_count), 0)::text AS total FROM flush_batches', 'sum'],
  ['SELECT count(*)::text AS total FROM dead_letters', 'count dead letters'],
  ['INSERT INTO dead_letters (id, reason, detail, body', 'quarantine'],
  ['INSERT INTO dead_letters\n       (id, reason, detail, body', 'quarantine'],
] as const;

type StatementName = (typeof STATEMENTS)[number][1];

function result(command: string, rows: readonly object[] = []): Result {
  return { command, rowCount: rows.length, rows };
}

/** An error as the server sends it. */
export function refusal(code: string, message: string): DatabaseError {
  return Object.assign(new DatabaseError(message, message.length, 'error'), { code });
}
