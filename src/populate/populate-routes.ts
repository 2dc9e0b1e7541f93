/** POST /pulses/populate and GET /pulses/populate/:run_id. */
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS } from '../http/caller.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { getPopulateSchema, startPopulateSchema } from './populate-schema.ts';
import { POPULATE_PROBLEMS } from './populate-problems.ts';

/** A populate run and its progress. */
export interface PopulateRun {
  readonly id: string;
  readonly state: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted';
  readonly total: number;
  readonly published: number;
  readonly confirmed: number;
  readonly workers: number;
  readonly buffer: number;
  readonly error: string | null;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  readonly finishedAt: Date | null;
}

/** What the routes need of the runs, which live behind the publisher. */
export interface PopulateRuns {
  /** Starts a run in the background and returns it as it stands. */
  start(request: {
    total: number;
    workers: number;
    buffer: number;
    requestedBy: string;
  }): Promise<PopulateRun>;
  find(id: string): Promise<PopulateRun | undefined>;
}

export interface PopulateModuleOptions {
  readonly populateRuns: PopulateRuns;
  /** How many runs of this process may be in progress. Default: 2. */
  readonly populateRunsMax?: number;
}

const RUNS_MAX = 2;

/** Load tests. */
export function createPopulateModule(options: PopulateModuleOptions): ApiModule {
  return {
    tag: { name: 'populate', description: 'Generated pulses, for load tests.' },
    problems: POPULATE_PROBLEMS,
    addRoutes: (api) => {
      addRoutes(api, options);
    },
  };
}

function addRoutes(api: Api, options: PopulateModuleOptions): void {
  const { populateRuns } = options;
  const startBounded = boundedStart(options);
  // The generated pulses are of many tenants.
  const config = { roles: OPERATORS, allTenants: true } as const;

  api.post('/pulses/populate', { schema: startPopulateSchema, config }, async (request, reply) => {
    const { total_messages, workers_number, buffer_size } = request.body;
    const run = await startBounded({
      total: total_messages,
      workers: workers_number,
      buffer: buffer_size,
      requestedBy: actorNameOf(request.user),
    });
    void reply.code(202).header('location', `${api.prefix}/pulses/populate/${run.id}`);
    return toApi(run);
  });

  const conditional = {
    schema: getPopulateSchema,
    config: { ...config, conditional: true },
  } as const;
  api.get('/pulses/populate/:run_id', conditional, async (request) => {
    const run = await populateRuns.find(request.params.run_id);
    if (run === undefined) {
      throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
        detail: 'There is no run with this id.',
      });
    }
    return toApi(run);
  });
}

/** Starts runs as long as fewer than the bound are running; a start that is under way counts. */
function boundedStart({ populateRuns, populateRunsMax = RUNS_MAX }: PopulateModuleOptions) {
  const running = new Set<string>();
  let starting = 0;

  return async (request: Parameters<PopulateRuns['start']>[0]): Promise<PopulateRun> => {
    await forgetFinished();
    if (running.size + starting >= populateRunsMax) {
      throw new ProblemError(POPULATE_PROBLEMS.PULSE_API_POPULATE_BUSY, {
        detail: `At most ${populateRunsMax} runs at a time.`,
      });
    }
    starting += 1;
    try {
      const run = await populateRuns.start(request);
      running.add(run.id);
      return run;
    } finally {
      starting -= 1;
    }
  };

  async function forgetFinished(): Promise<void> {
    for (const id of [...running]) {
      const run = await populateRuns.find(id);
      if (run?.state !== 'running') running.delete(id);
    }
  }
}

function toApi(run: PopulateRun) {
  const seconds = ((run.finishedAt ?? run.updatedAt).getTime() - run.startedAt.getTime()) / 1000;
  return {
    id: run.id,
    state: run.state,
    total_messages: run.total,
    published: run.published,
    confirmed: run.confirmed,
    rate_per_second: seconds > 0 ? Math.round(run.confirmed / seconds) : 0,
    workers_number: run.workers,
    buffer_size: run.buffer,
    started_at: run.startedAt.toISOString(),
    finished_at: run.finishedAt?.toISOString() ?? null,
    error: run.error,
  };
}
