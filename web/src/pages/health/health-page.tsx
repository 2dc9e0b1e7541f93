/** What `pulse doctor` says. */
import { Button, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';

const ORDER = ['danger', 'warning', 'ok'];

export function HealthPage() {
  const query = useQuery({
    queryKey: ['doctor'],
    queryFn: ({ signal }) => dataOf(api.GET('/api/v1/doctor', { signal })),
    staleTime: 0,
  });
  return (
    <Page
      title="Health"
      actions={
        <Button
          size="xs"
          variant="default"
          loading={query.isFetching}
          onClick={() => void query.refetch()}
        >
          Examine again
        </Button>
      }
    >
      <Loaded query={query} loading="Asking the servers…">
        {({ at, findings }) => (
          <>
            <p>
              Examined <Time at={at} />
            </p>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>State</Table.Th>
                  <Table.Th>Checked</Table.Th>
                  <Table.Th>Found</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {findings
                  .toSorted((one, two) => ORDER.indexOf(one.status) - ORDER.indexOf(two.status))
                  .map(({ name, status, detail }, index) => (
                    // One check may find several things.
                    <Table.Tr key={`${name} ${index}`}>
                      <Table.Td>
                        <StateBadge state={status} />
                      </Table.Td>
                      <Table.Td className="nowrap">{name}</Table.Td>
                      <Table.Td className="wrap">{detail}</Table.Td>
                    </Table.Tr>
                  ))}
              </Table.Tbody>
            </Table>
          </>
        )}
      </Loaded>
    </Page>
  );
}
