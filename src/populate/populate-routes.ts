/** POST /pulses/populate and GET /pulses/populate/:run_id. */
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS } from '../http/caller.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { getPopulateSchema, startPopulateSchema } from './populate-schema.ts';
import { POPULATE_PROBLEMS } from './populate-problems.ts';
import type { StoredPopulateRun } from './populate-runs-query.ts';
import type { PopulateRuns } from './populate-runs.ts';
import { messagesOf } from './populate.ts';

export interface PopulateModuleOptions {
  readonly populateRuns: Pick<PopulateRuns, 'start' | 'find'>;
  /** How many runs of this process may be in progress. Default: 2. */
  readonly populateRunsMax?: number;
}

const RUNS_MAX = 2;

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
  // A run publishes pulses of many tenants.
  const config = { roles: OPERATORS, allTenants: true } as const;

  api.post('/pulses/populate', { schema: startPopulateSchema, config }, async (request, reply) => {
    const { total_messages, workers_number, buffer_size, pulses_per_message = 1 } = request.body;
    const run = await startBounded({
      total: total_messages,
      workers: workers_number,
      buffer: buffer_size,
      pulsesPerMessage: pulses_per_message,
      requestedBy: actorNameOf(request.user),
    });
    void reply.code(202).header('location', `${api.prefix}/pulses/populate/${run.id}`);
    return toApi(run);
  });

  const conditional = { ...config, conditional: true } as const;
  const readOptions = { schema: getPopulateSchema, config: conditional };
  api.get('/pulses/populate/:run_id', readOptions, async (request) => {
    const run = await populateRuns.find(request.params.run_id);
    if (run === undefined) {
      throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
        detail: 'There is no run with this id.',
      });
    }
    return toApi(run);
  });
}

/** Refuses a start when as many runs as allowed are in progress, those that are starting included. */
function boundedStart({ populateRuns, populateRunsMax = RUNS_MAX }: PopulateModuleOptions) {
  const running = new Set<string>();
  let starting = 0;

  return async (request: Parameters<PopulateRuns['start']>[0]): Promise<StoredPopulateRun> => {
    await forgetFinished();
    if (running.size + starting >= populateRunsMax) {
      throw new ProblemError(POPULATE_PROBLEMS.PULSE_API_POPULATE_BUSY, {
        detail: `At most ${populateRunsMax} runs may be in progress at a time.`,
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

function toApi(run: StoredPopulateRun) {
  const seconds = ((run.finishedAt ?? run.updatedAt).getTime() - run.startedAt.getTime()) / 1000;
  return {
    id: run.id,
    state: run.state,
    total_messages: run.total,
    published: run.published,
    confirmed: run.confirmed,
    confirmed_messages: messagesOf(run, run.confirmed),
    rate_per_second: seconds > 0 ? Math.round(run.confirmed / seconds) : 0,
    workers_number: run.workers,
    buffer_size: run.buffer,
    pulses_per_message: run.pulsesPerMessage,
    started_at: run.startedAt.toISOString(),
    finished_at: run.finishedAt?.toISOString() ?? null,
    error: run.error,
  };
}
