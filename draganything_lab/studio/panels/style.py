"""How the studio looks: JupyterLab's own colours, so that light and dark follow the page."""

from __future__ import annotations

import ipywidgets as widgets

from .icons import icon_css

CSS = """
.dal-studio{--dal-gap:8px;--dal-line:var(--jp-border-color2,#d0d0d0);--dal-soft:var(--jp-layout-color2,#f0f0f0);
  --dal-ink:var(--jp-ui-font-color1,#1f1f1f);--dal-mute:var(--jp-ui-font-color2,#5f5f5f);
  --dal-accent:var(--jp-brand-color1,#1976d2);container-type:inline-size;color:var(--dal-ink);
  font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;max-width:750px;overflow:visible;gap:6px}
.dal-studio .widget-box{overflow:visible}
.dal-studio button.jupyter-button{width:auto;height:30px;line-height:28px;border-radius:6px;margin:0;padding:0 10px;
  background:transparent;border:1px solid transparent;color:var(--dal-ink);box-shadow:none;font-size:13px}
.dal-studio button.jupyter-button{display:inline-flex;align-items:center;justify-content:center}
.dal-studio button.jupyter-button i{margin-right:7px;opacity:.85;flex:0 0 auto}
.dal-studio button.jupyter-button:hover:enabled{background:var(--dal-soft);box-shadow:none}
.dal-studio button.jupyter-button:focus-visible{outline:2px solid var(--dal-accent);outline-offset:-1px}
.dal-studio button.jupyter-button:disabled{opacity:.35}
.dal-studio button.jupyter-button.mod-active,.dal-studio button.jupyter-button.mod-active:hover{
  background:var(--dal-accent);color:#fff;box-shadow:none}
.dal-studio .dal-icons button.jupyter-button,.dal-studio button.dal-icon{width:32px;padding:0}
.dal-studio .dal-icons button.jupyter-button i,.dal-studio button.dal-icon i{margin:0}
.dal-studio .dal-bar{display:flex;align-items:center;gap:2px;min-height:34px;flex-wrap:nowrap}
.dal-studio .dal-bar>*{margin-top:0;margin-bottom:0}
.dal-studio .dal-grow{flex:1 1 auto;min-width:0}
.dal-studio .dal-bar button.dal-icon{width:32px}
.dal-studio .dal-rule{width:1px;height:20px;background:var(--dal-line);margin:0 6px;flex:0 0 auto}
.dal-studio .widget-upload.jupyter-button{font-size:0}.dal-studio .widget-upload.jupyter-button i{font-size:14px}
.dal-studio .widget-upload.jupyter-button::after{content:"Open";font-size:13px}
.dal-studio .dal-door{margin:2px}
.dal-studio .dal-bar .dal-door{width:auto;flex:0 0 auto}
.dal-studio .dal-bar .widget-upload,.dal-studio .dal-bar .widget-toggle-button,
.dal-studio .dal-bar .widget-button{width:auto;flex:0 0 auto}
.dal-studio .dal-main{display:flex;gap:var(--dal-gap);align-items:flex-start;flex-wrap:nowrap}
.dal-studio .dal-tools{flex:0 0 118px;display:flex;flex-direction:column;gap:2px}
.dal-studio .dal-tools button.jupyter-button{width:118px;padding:0 8px;justify-content:flex-start;flex:0 0 auto}
.dal-studio .dal-stack{display:grid;border-radius:8px;background:var(--dal-soft);min-width:0;overflow:hidden!important}
.dal-studio .dal-stack>canvas{grid-area:1/1;margin:0;min-width:0;pointer-events:none}
.dal-studio .dal-stack>canvas.dal-canvas{pointer-events:auto;touch-action:none;cursor:crosshair;border-radius:8px;
  outline-offset:-2px}
.dal-studio .dal-stack .dal-pad{grid-area:1/1;margin:0;width:100%;height:100%;min-width:0;position:relative;z-index:2}
.dal-studio .dal-pad canvas{position:absolute;inset:0;width:100%;height:100%;touch-action:none;cursor:crosshair;
  border-radius:8px;outline-offset:-2px}
.dal-studio .dal-pad canvas:focus-visible,.dal-studio .dal-canvas:focus-visible{outline:2px solid var(--dal-accent)}
.dal-studio .dal-stage{position:relative;flex:1 1 auto;min-width:0;display:flex;flex-direction:column;gap:0}
.dal-studio .dal-status{min-height:36px;padding:6px 10px;border-radius:6px;background:var(--dal-soft);line-height:1.4;
  border-left:3px solid var(--dal-accent);box-sizing:border-box;width:100%;margin:0}
.dal-studio .dal-status .widget-html-content{line-height:1.4;white-space:normal}
.dal-studio .dal-status b{font-weight:600}.dal-studio .dal-status .fix{color:var(--dal-mute)}
.dal-studio .dal-warning{border-left-color:#e69f00}.dal-studio .dal-error{border-left-color:#d55e00}
.dal-studio .dal-list{height:150px;overflow-y:auto!important;border:1px solid var(--dal-line);border-radius:6px;
  padding:3px;box-sizing:border-box;width:100%}
.dal-studio .dal-row{display:flex;align-items:center;gap:2px;border-radius:6px;padding:1px 3px;min-height:32px;
  flex:0 0 auto}
.dal-studio .dal-row.dal-on{background:var(--dal-soft)}
.dal-studio .dal-row button.dal-badge{width:24px;min-width:24px;height:24px;line-height:22px;border-radius:12px;
  padding:0;font-weight:600;font-size:12px;margin-right:4px;text-align:center;color:#14161a}
.dal-studio .dal-row button.dal-badge.dal-light{color:#fff}
.dal-studio .dal-unseen>.widget-label{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.dal-studio .dal-row .widget-text{flex:1 1 60px;min-width:50px;width:auto;margin:0;height:28px}
.dal-studio .dal-row .widget-text input{background:transparent;border-color:transparent;color:var(--dal-ink)}
.dal-studio .dal-row .widget-text input:focus,.dal-studio .dal-row .widget-text input:hover{
  border-color:var(--dal-line)}
.dal-studio .dal-does{flex:0 1 150px;min-width:0;color:var(--dal-mute);white-space:nowrap;margin:0}
.dal-studio .dal-does .widget-html-content{overflow:hidden;text-overflow:ellipsis;line-height:28px;font-size:12px}
.dal-studio .dal-empty{color:var(--dal-mute);padding:8px 10px;margin:0}
.dal-studio .dal-frame{flex:0 0 104px;text-align:right;color:var(--dal-mute);font-variant-numeric:tabular-nums;margin:0}
.dal-studio .dal-label{color:var(--dal-mute);margin:0 2px 0 6px;flex:0 0 auto;white-space:nowrap}
[data-jp-theme-light="false"] .dal-studio select{color-scheme:dark}
[data-jp-theme-light="false"] .dal-studio{--jp-widgets-dropdown-arrow:\
url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E\
%3Cpath d='M5 7l4 4 4-4z' fill='%23bdbdbd'/%3E%3C/svg%3E")}
.dal-studio .widget-dropdown{margin:0;width:auto}.dal-studio .widget-dropdown select{height:30px;border-radius:6px}
.dal-studio .widget-slider,.dal-studio .widget-hslider{margin:0;min-width:90px;width:auto;flex:1 1 120px}
.dal-studio .dal-help{position:absolute;left:0;right:0;top:34px;z-index:5;max-height:390px;overflow:auto;
  box-sizing:border-box;box-shadow:0 4px 16px rgba(0,0,0,.25);padding:8px 14px;
  border:1px solid var(--dal-line);border-radius:6px;line-height:1.5;margin:0;
  background:var(--jp-layout-color1,#fff)}
.dal-studio .dal-help .widget-html-content{line-height:1.5;white-space:normal}
.dal-studio .dal-help .dal-close{position:sticky;top:0;align-self:flex-end;flex:0 0 auto;margin-bottom:-30px;z-index:1}
.dal-studio .dal-help p{margin:0 0 6px;color:var(--dal-mute)}
.dal-studio .dal-help table{border-collapse:collapse;width:100%}.dal-studio .dal-help td{padding:2px 10px 2px 0;
  text-align:left;vertical-align:top;border:0;background:transparent}
.dal-studio kbd{display:inline-block;min-width:1.4em;padding:0 5px;border:1px solid var(--dal-line);border-radius:4px;
  text-align:center;font:12px var(--jp-code-font-family,monospace);background:var(--dal-soft);color:var(--dal-ink)}
.dal-studio .dal-view{color:var(--dal-mute);font-size:12px;margin:0}
.dal-studio .dal-view .widget-html-content{line-height:1.4;color:var(--dal-mute)}
.dal-lost{position:fixed;top:0;left:0;right:0;z-index:10000;padding:10px 14px;text-align:center;color:#fff;
  background:#b3261e;font:600 14px system-ui,sans-serif}
@container (max-width:640px){
  .dal-studio .dal-bar{flex-wrap:wrap;gap:1px}
  .dal-studio .dal-bar .dal-rule{display:none}.dal-studio .dal-bar button.dal-icon{width:29px}
  .dal-studio .dal-tools{flex-basis:34px}
  .dal-studio .dal-tools button.jupyter-button{width:34px;padding:0;font-size:0;justify-content:center}
  .dal-studio .dal-tools button.jupyter-button i{margin:0}
  .dal-studio .dal-does,.dal-studio .dal-label.dal-wide{display:none}
}
@container (max-width:460px){
  .dal-studio .dal-bar .dal-grow{display:none}
  .dal-studio .dal-words{font-size:0}.dal-studio .dal-words i{margin:0;font-size:14px}
}
"""


def style() -> widgets.HTML:
    """The style sheet as a widget that takes no room."""
    return widgets.HTML(f"<style>{CSS}{icon_css('.dal-studio')}</style>", layout=widgets.Layout(display="none"))


def button(icon: str, label: str, tooltip: str, *, toggle: bool = False) -> widgets.Button | widgets.ToggleButton:
    """A button with an icon; without a label it is square. The tooltip is what screen readers say."""
    kind = widgets.ToggleButton if toggle else widgets.Button
    made = kind(description=label, icon=icon, tooltip=tooltip)
    if not label:
        made.add_class("dal-icon")
    return made


def rule() -> widgets.HTML:
    """A thin upright line between groups."""
    line = widgets.HTML("")
    line.add_class("dal-rule")
    return line


def label(text: str) -> widgets.HTML:
    """A few quiet words before a control."""
    words = widgets.HTML(text)
    words.add_class("dal-label")
    return words


def bar(*children: widgets.Widget) -> widgets.HBox:
    """Controls in a row of fixed height."""
    row = widgets.HBox(children)
    row.add_class("dal-bar")
    return row
