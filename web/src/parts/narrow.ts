/** Whether the screen is narrow, as the style sheets mean it. */
import { useMediaQuery } from '@mantine/hooks';

export function useIsNarrow(): boolean {
  return useMediaQuery('(max-width: 56rem)', false, { getInitialValueInEffect: false });
}
