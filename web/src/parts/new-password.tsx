/** A field for a new password, with the rule of the API. */
import { PasswordInput } from '@mantine/core';
import { PASSWORD_RULE } from './password.ts';

export function NewPassword({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (password: string) => void;
}) {
  return (
    <PasswordInput
      label="New password"
      description={PASSWORD_RULE}
      autoComplete="new-password"
      value={value}
      onChange={(event) => {
        onChange(event.currentTarget.value);
      }}
    />
  );
}
