/** What can be done with a row: buttons, on a narrow screen a menu. */
import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { useIsNarrow } from './narrow.ts';

interface Props {
  /** The name of the row's thing. */
  readonly of: string;
  readonly labels: readonly string[];
  readonly onChoose: (label: string) => void;
}

export function RowActions({ of, labels, onChoose }: Props) {
  if (useIsNarrow()) return <RowMenu {...{ of, labels, onChoose }} />;
  return (
    <Group gap={4} wrap="nowrap">
      {labels.map((label) => (
        <Button
          key={label}
          size="xs"
          variant="default"
          onClick={() => {
            onChoose(label);
          }}
        >
          {label}
        </Button>
      ))}
    </Group>
  );
}

function RowMenu({ of, labels, onChoose }: Props) {
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <ActionIcon variant="default" aria-label={`Change ${of}`}>
          <IconDots size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {labels.map((label) => (
          <Menu.Item
            key={label}
            onClick={() => {
              onChoose(label);
            }}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
