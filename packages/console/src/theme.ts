import { ActionIcon, Button, Checkbox, createTheme, Menu, Modal, Select, TextInput, Tooltip } from '@mantine/core'

/**
 * The look of everything that Mantine draws. Colours, type and space are CSS variables in `theme.css`: Mantine would
 * write its own into a `<style>` element, which the policy of the page does not allow.
 */
export const theme = createTheme({
  primaryColor: 'blue',
  fontFamily: 'var(--font-sans)',
  fontFamilyMonospace: 'var(--font-mono)',
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    Button: Button.extend({ defaultProps: { size: 'xs', variant: 'default' } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { size: 28, variant: 'subtle', color: 'gray' } }),
    TextInput: TextInput.extend({ defaultProps: { size: 'xs' } }),
    Select: Select.extend({ defaultProps: { size: 'xs', comboboxProps: { shadow: 'none' } } }),
    Checkbox: Checkbox.extend({ defaultProps: { size: 'xs' } }),
    Menu: Menu.extend({ defaultProps: { shadow: 'none', position: 'bottom-end', transitionProps: { duration: 80 } } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 400, events: { hover: true, focus: true, touch: false } } }),
    // Locking the scroll would add a `<style>` element; `theme.css` does it without.
    Modal: Modal.extend({
      defaultProps: { lockScroll: false, centered: false, shadow: 'none', transitionProps: { duration: 120 } },
    }),
  },
})
