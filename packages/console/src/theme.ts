import { createTheme } from '@mantine/core'

// Locking the scroll would add a `<style>` element; `theme.css` does it without.
const dialog = { yOffset: '10dvh', lockScroll: false, shadow: 'none', transitionProps: { duration: 120 } }

/**
 * The look of everything that Mantine draws. Colours, type and space are CSS variables in `theme.css`: Mantine would
 * write its own into a `<style>` element, which the policy of the page does not allow. Components are named, not
 * imported: each page loads only those that it draws.
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
    Button: { defaultProps: { size: 'xs', variant: 'default' } },
    ActionIcon: { defaultProps: { size: 28, variant: 'subtle', color: 'gray' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Switch: { defaultProps: { size: 'xs' } },
    TagsInput: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
    Textarea: { defaultProps: { size: 'xs' } },
    NumberInput: { defaultProps: { size: 'xs' } },
    PasswordInput: { defaultProps: { size: 'xs' } },
    FileInput: { defaultProps: { size: 'xs' } },
    Autocomplete: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs', comboboxProps: { shadow: 'none' } } },
    MultiSelect: { defaultProps: { size: 'xs', comboboxProps: { shadow: 'none' } } },
    Menu: { defaultProps: { shadow: 'none', position: 'bottom-end', transitionProps: { duration: 80 } } },
    Popover: { defaultProps: { shadow: 'none' } },
    Tooltip: { defaultProps: { openDelay: 400, events: { hover: true, focus: true, touch: false } } },
    Modal: { defaultProps: dialog },
    ModalRoot: { defaultProps: dialog },
    Drawer: { defaultProps: dialog },
  },
})
