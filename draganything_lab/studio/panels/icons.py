"""The studio's icons, drawn here: Voila without a network has no icon font, and a class has no network."""

from __future__ import annotations

from urllib.parse import quote

RING = '<circle cx="12" cy="12" r="9"/>'
FULL = 'fill="black" stroke="none"'
# Named as in Font Awesome, whose <i class="fa fa-…"> ipywidgets makes; strokes of width 2 in a box of 24.
SHAPES = {
    "mouse-pointer": '<path d="M5 3l6 17 2.5-7L20 10.5z"/>',
    "plus-circle": f'{RING}<path d="M12 8v8M8 12h8"/>',
    "minus-circle": f'{RING}<path d="M8 12h8"/>',
    "paint-brush": '<path d="M20 4c-4 1-9 6-10.5 9.5l2 2C15 14 19 8 20 4zM9 14c-3 0-3 3-5 5 3 1 7 0 7-3.5"/>',
    "eraser": '<path d="M9 20h11M4.5 15l9-10 6.5 5-8.5 10H9zM9.5 9.5l6.5 5"/>',
    "pencil": '<path d="M4 20l1-4L16 5l3 3L8 19z"/>',
    "dot-circle-o": f'{RING}<circle cx="12" cy="12" r="3" {FULL}/>',
    "picture-o": '<rect x="3" y="5" width="18" height="14" rx="1"/><path d="M3 16l5-5 5 5 3-3 5 5"/>',
    "video-camera": '<rect x="2" y="6" width="13" height="12" rx="2"/><path d="M15 11l7-4v10l-7-4z"/>',
    "thumb-tack": '<path d="M9 3h6l-1 7 4 4H6l4-4zM12 14v7"/>',
    "eye": '<path d="M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12z"/><circle cx="12" cy="12" r="3"/>',
    "eye-slash": (
        '<path d="M3 3l18 18M10 5.3A9 9 0 0 1 22 12a16 16 0 0 1-3 3.7"/>'
        '<path d="M6 6.5A16 16 0 0 0 2 12s4 7 10 7a9 9 0 0 0 4-1"/>'
    ),
    "arrow-up": '<path d="M12 20V4M5 11l7-7 7 7"/>',
    "arrow-down": '<path d="M12 4v16M5 13l7 7 7-7"/>',
    "trash-o": '<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v6M14 11v6"/>',
    "random": '<path d="M3 7h4l10 10h4M3 17h4l3-3M14 10l3-3h4M18 4l3 3-3 3M18 14l3 3-3 3"/>',
    "undo": '<path d="M4 4v6h6M4.5 10A8 8 0 1 1 6 17"/>',
    "repeat": '<path d="M20 4v6h-6M19.5 10A8 8 0 1 0 18 17"/>',
    "adjust": f'{RING}<path d="M12 3a9 9 0 0 1 0 18z" {FULL}/>',
    "long-arrow-right": '<path d="M3 12h17M14 6l6 6-6 6"/>',
    "clone": '<rect x="8" y="8" width="12" height="12" rx="2"/><path d="M4 16V6a2 2 0 0 1 2-2h10"/>',
    "bullseye": f'{RING}<circle cx="12" cy="12" r="5"/><circle cx="12" cy="12" r="1.5" {FULL}/>',
    "film": '<rect x="3" y="5" width="18" height="14" rx="1"/><path d="M7 5v14M17 5v14M3 12h4M17 12h4"/>',
    "line-chart": '<path d="M4 4v16h16M7 16c4 0 5-2 6-5s3-5 6-5"/>',
    "question": '<path d="M8.5 8.5a3.5 3.5 0 1 1 5.2 3c-1.2.7-1.7 1.4-1.7 2.8M12 18.5v.5"/>',
    "play": f'<path d="M7 4l13 8-13 8z" {FULL}/>',
    "pause": f'<path d="M6 4h4v16H6zM14 4h4v16h-4z" {FULL}/>',
    "hand-o-up": '<path d="M3 15c3-9 6-9 9-2s6 4 9-5"/>',
    "pause-circle-o": f'{RING}<path d="M10 9v6M14 9v6"/>',
    "times": '<path d="M6 6l12 12M18 6L6 18"/>',
    "refresh": '<path d="M20 4v6h-6M4 20v-6h6M5 10a7.5 7.5 0 0 1 14.5 0M19 14a7.5 7.5 0 0 1-14.5 0"/>',
    "upload": '<path d="M12 16V4M7 9l5-5 5 5M4 17v3h16v-3"/>',
}
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="black" stroke-width="2" '
HEAD += 'stroke-linecap="round" stroke-linejoin="round">'


def icon_css(scope: str) -> str:
    """Style rules that draw the icons inside elements of a class, in the colour of their text.

    Args:
        scope: A CSS selector.
    """
    rules = [
        f"{scope} i.fa::before{{content:none!important}}",
        f"{scope} i.fa{{display:inline-block;width:16px;height:16px;vertical-align:-3px;background:currentColor;"
        "-webkit-mask:var(--dal-icon) center/contain no-repeat;mask:var(--dal-icon) center/contain no-repeat}",
    ]
    for name, shape in SHAPES.items():
        picture = quote(f"{HEAD}{shape}</svg>", safe=" =:/'<>\"")
        picture = picture.replace("<", "%3C").replace(">", "%3E").replace('"', "'")
        rules.append(f'{scope} i.fa-{name}{{--dal-icon:url("data:image/svg+xml,{picture}")}}')
    return "\n".join(rules)
