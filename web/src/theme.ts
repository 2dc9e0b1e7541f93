/** The look of Mantine's components. The build writes it into a style sheet. */
import { createTheme } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'pulse',
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'sm',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", monospace',
  colors: {
    pulse: [
      '#e6f7f6',
      '#cdeeec',
      '#9bdcd8',
      '#66c9c3',
      '#3fb9b1',
      '#1f9d95',
      '#128a83',
      '#0b7a75',
      '#076560',
      '#034f4b',
    ],
  },
});
