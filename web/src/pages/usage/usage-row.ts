import type { paths } from '../../api/schema.d.ts';

export type UsageRow =
  paths['/api/v1/usage']['get']['responses']['200']['content']['application/json']['data'][number];
