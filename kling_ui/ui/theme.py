"""Colours, type and shape: one accent, quiet surfaces, light and dark."""

import gradio as gr
from gradio.themes.utils.colors import Color
from gradio.themes.utils.fonts import LocalFont

_PINE = Color(
    name="pine",
    c50="#eef7f5",
    c100="#d5ebe7",
    c200="#aed8d0",
    c300="#7dbfb4",
    c400="#4da396",
    c500="#24867a",
    c600="#0f6d62",
    c700="#0d584f",
    c800="#0c463f",
    c900="#0a3832",
    c950="#06231f",
)
_STONE = Color(
    name="stone",
    c50="#f7f6f3",
    c100="#efede8",
    c200="#dfdcd4",
    c300="#c6c2b8",
    c400="#9b988f",
    c500="#6f6e69",
    c600="#565653",
    c700="#3a3c3c",
    c800="#242727",
    c900="#1a1c1d",
    c950="#121415",
)

_WEIGHTS = (400, 700)  # the semibold files that Gradio carries lack most letters


def page_theme() -> gr.themes.Base:
    """Make the theme; the style sheets read its colours through Gradio's own variables."""
    theme = gr.themes.Base(
        primary_hue=_PINE,
        secondary_hue=_PINE,
        neutral_hue=_STONE,
        radius_size=gr.themes.sizes.radius_md,
        font=[LocalFont("IBM Plex Sans", _WEIGHTS), "ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=[LocalFont("IBM Plex Mono", _WEIGHTS), "ui-monospace", "monospace"],
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="#e8e6e1",
        body_text_color_subdued="#62625e",
        body_text_color_subdued_dark="#a3a5a3",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="*neutral_900",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_title_text_weight="600",
        block_title_text_size="14px",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_info_text_color="*body_text_color_subdued",
        input_background_fill="#ffffff",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_300",
        input_border_color_dark="#4a4d4d",
        input_border_width="1px",
        input_radius="8px",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#323636",
        button_large_radius="10px",
        button_large_text_size="17px",
        button_large_text_weight="600",
        button_large_padding="14px 20px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="*primary_950",
        button_primary_shadow="none",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover="transparent",
        checkbox_label_background_fill_hover_dark="transparent",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="#15302c",
        checkbox_label_border_width="1px",
        checkbox_label_border_color_selected="*primary_600",
        checkbox_label_border_color_selected_dark="*primary_400",
        checkbox_label_shadow="none",
    )
