/** The flush of a worker: on its schedule, measured and traced, and once more at exit if configured. */
import type { Part, PartRun } from '../cli/part.ts';
import type { Clients } from '../cli/clients.ts';
import { flushAll, type FlushReport } from '../flush/flush.ts';
import { createFlushMetrics } from '../flush/flush-metrics.ts';
import { isFlushOverdue } from '../flush/overdue.ts';
import { startFlushSchedule } from '../flush/schedule.ts';
import { createFlushTracing } from '../flush/trace-flush.ts';
import { flushCrashPoint } from './flush.ts';

export const flushPart: Part = {
  name: 'flush',
  start(run, clients) {
    const { config, logger, closer } = run;
    const { cron, onExit } = config.flush;
    const { accumulator } = clients;
    const flush = createFlush(run, clients);
    const isOverdue = () => isFlushOverdue({ accumulator, cron, nowMs: Date.now() });
    const schedule = startFlushSchedule({ cron, flush, isOverdue, logger });
    closer.add('flush schedule', () => schedule.close());
    if (onExit) closer.add('last flush', () => flush().then(() => undefined));
  },
};

function createFlush(run: PartRun, { accumulator, pool }: Clients): () => Promise<FlushReport> {
  const { logger, registry, tracing, links } = run;
  const metrics = createFlushMetrics(registry);
  const traced = createFlushTracing(tracing);
  links.onTraced = traced.applied;
  const crash = flushCrashPoint(run);
  return async () => {
    try {
      const report = await traced.aroundFlush(() =>
        flushAll({
          accumulator,
          pool,
          logger,
          tracing,
          onStep: (step, batch) => {
            metrics.step(step, batch);
            crash(step);
          },
        }),
      );
      metrics.succeeded(report);
      return report;
    } catch (error) {
      metrics.failed();
      throw error;
    }
  };
}
