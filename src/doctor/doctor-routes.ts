/** GET /doctor: what `pulse doctor` finds. */
import type { Finding } from '../aggregate/redis-durability.ts';
import type { ApiModule } from '../http/api-module.ts';
import { OPERATORS } from '../http/caller.ts';
import { createSharedRead } from '../platform/shared-read.ts';
import { getDoctorSchema } from './doctor-schema.ts';

export interface DoctorModuleDeps {
  /** Ends within about ten seconds. */
  readonly examine: () => Promise<Finding[]>;
}

/** An examination opens connections and reads all books, so one at a time has to do. */
const KEEP_MS = 5_000;

export function createDoctorModule({ examine }: DoctorModuleDeps): ApiModule {
  return {
    tag: { name: 'doctor', description: 'What is wrong, and what to do about it.' },
    problems: {},
    addRoutes(api) {
      const look = createSharedRead({
        read: async () => {
          const findings = await examine();
          return { at: new Date().toISOString(), findings };
        },
        keepMs: KEEP_MS,
        keepFrom: 'end',
      });
      // The findings name addresses and settings of the servers.
      const config = { roles: OPERATORS, allTenants: true } as const;
      api.get('/doctor', { schema: getDoctorSchema, config }, look);
    },
  };
}
