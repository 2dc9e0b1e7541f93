import { randomBytes } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { isolatedServices } from '../support/isolated.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { withClient, withPath } from '../support/servers.ts';
import { countKinds, makeTraffic, openFlow, toMessage } from './flow-fixture.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('a user without rights is told all missing grants at once; with them, a separate schema, German dates and URL options work', async () => {
  const services = await isolatedServices();
  const token = randomBytes(4).toString('hex');
  const [database, username] = [`pulse_ordinary_${token}`, `pulse_ordinary_user_${token}`];
  const admin = (sql: string, path = database) =>
    withClient(withPath(services.databaseUrl, path), (client) => client.query(sql));
  await admin(`CREATE DATABASE ${database}`, 'postgres');
  await admin(`CREATE ROLE ${username} LOGIN PASSWORD 'an ordinary password'`);
  onTestFinished(async () => {
    await admin(`DROP DATABASE ${database} WITH (FORCE)`, 'postgres');
    await admin(`DROP ROLE ${username}`, 'postgres');
    await services.close();
  });
  await admin('CREATE SCHEMA billing');
  await admin(`ALTER DATABASE ${database} SET "DateStyle" = 'German'`);
  await admin(`GRANT USAGE ON SCHEMA billing TO ${username}`);

  const url = new URL(withPath(services.databaseUrl, database));
  Object.assign(url, { username, password: encodeURIComponent('an ordinary password') });
  url.searchParams.set('options', '-c search_path=billing');
  const flow = await openFlow({}, { ...services, databaseUrl: url.href });
  const refused = await flow.run(['worker']);
  expect(refused.exitCode).toBe(1);
  const doctor = await flow.call(['doctor']);
  expect(doctor.exitCode).toBe(1);
  const sql = refused.stderr.split('\n').filter((line) => line.startsWith('  '));
  expect(sql.map((line) => line.trim())).toEqual([
    `GRANT pulse_all_tenants, pulse_some_tenants TO "${username}";`,
    `GRANT USAGE, CREATE ON SCHEMA "billing" TO "${username}";`,
    `GRANT CREATE ON DATABASE "${database}" TO "${username}";`,
    'GRANT USAGE ON SCHEMA "billing" TO pulse_all_tenants, pulse_some_tenants;',
  ]);
  for (const line of sql) expect(doctor.stdout).toContain(line.trim());
  await admin(sql.join('\n'));

  await flow.start('worker');
  const traffic = makeTraffic(500, 'ordinary');
  const { good } = countKinds(traffic);
  await flow.producer.publish(traffic.map(toMessage));
  await flow.settled({ counted: good });
  await flow.flush();
  const api = await flow.openApi();
  const rows = await api.rows({ limit: '1000' });
  expect(rows.reduce((sum, { pulse_count }) => sum + pulse_count, 0)).toBe(good);
  expect(await flow.call(['doctor'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^ok +postgres roles/m) as string,
  });
});
