"""How the studio looks: JupyterLab's own colours, so that light and dark follow the page.

`.dal-lab` is everything, `.dal-studio` the canvas with its tools, `.dal-form` the form, `.dal-html` a page to look at.
"""

from __future__ import annotations

import ipywidgets as widgets

from .icons import icon_css

STYLE = """
.dal-lab,.dal-studio,.dal-html{--dal-line:var(--jp-border-color2,#d0d0d0);--dal-soft:var(--jp-layout-color2,#f0f0f0);
  --dal-ink:var(--jp-ui-font-color1,#1f1f1f);--dal-mute:var(--jp-ui-font-color2,#5f5f5f);
  --dal-accent:var(--jp-brand-color1,#1976d2)}
.dal-lab{max-width:1320px;margin:0 auto;overflow:visible;color:var(--dal-ink);
  font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px}
.dal-lab .widget-box,.dal-lab .widget-vbox,.dal-lab .widget-hbox{overflow:visible}
.dal-lab .dal-two{display:flex;flex-flow:row wrap;gap:16px;align-items:flex-start}
.dal-lab .dal-left{flex:5 1 440px;min-width:0;max-width:100%}
.dal-lab .dal-right{flex:3 1 340px;min-width:0;max-width:100%}
.dal-lab .dal-left>.dal-studio,.dal-lab .dal-left .dal-studio{max-width:none}
.dal-lab .dal-card{border:1px solid var(--dal-line);border-radius:8px;padding:10px 12px;margin:0}
.dal-lab .dal-below{margin-top:16px;min-width:0;max-width:100%}
.dal-lab h3.dal-title{font:600 14px/1.4 var(--jp-ui-font-family,system-ui,sans-serif);margin:0 0 4px;color:inherit}
.dal-lab .dal-card .dal-words{margin:2px;line-height:1.45;font-size:13px;max-width:78ch;white-space:normal}
.dal-lab .dal-quiet{color:var(--dal-mute)}
.dal-lab .dal-card .widget-html-content{line-height:1.45;white-space:normal}
.dal-lab .dal-card .widget-label,.dal-lab .dal-card .widget-readout{color:inherit}
.dal-lab .dal-card button.jupyter-button,.dal-lab .dal-form button.jupyter-button{height:30px;line-height:28px;
  border-radius:6px;padding:0 12px;box-shadow:none;
  border:1px solid var(--dal-line);background:transparent;color:inherit;font-size:13px;margin:2px 0}
.dal-lab .dal-card button.jupyter-button:hover:enabled{background:var(--dal-soft)}
.dal-lab .dal-card button.jupyter-button.mod-primary:hover:enabled{background:var(--dal-accent);filter:brightness(1.12)}
.dal-lab .dal-card button.jupyter-button.mod-primary{background:var(--dal-accent);border-color:var(--dal-accent);
  color:var(--jp-ui-inverse-font-color1,#fff);font-weight:600}
.dal-lab .dal-card button.jupyter-button:disabled{opacity:.45}
.dal-lab .dal-card input,.dal-lab .dal-card select{border-radius:5px}
.dal-lab .dal-toggle .jupyter-button{border-radius:6px;height:28px;line-height:26px;box-shadow:none;
  background:transparent;border:1px solid var(--dal-line);color:inherit;margin:0 4px 0 0;padding:0 10px}
.dal-lab .dal-toggle .jupyter-button.mod-active{border-color:var(--dal-accent);
  box-shadow:inset 0 0 0 1px var(--dal-accent);font-weight:600}
.dal-lab .dal-top{align-items:center;gap:10px;flex-wrap:wrap;min-height:34px}
.dal-lab .dal-which{font-size:12.5px;color:var(--dal-mute);margin:0}
.dal-lab .dal-draft{margin:4px 0 0}
.dal-lab .dal-caption{min-height:2.9em}
.dal-lab .dal-stand{width:100%;max-height:330px;display:flex;gap:4px;align-items:center;justify-content:center;
  overflow:hidden;border-radius:8px;background:var(--dal-soft)}
.dal-lab .dal-stand video{min-width:0;flex:1 1 0;max-width:100%;max-height:330px;display:block}
.dal-lab .dal-stand img{width:100%;height:100%;object-fit:contain;image-rendering:pixelated;display:block}
.dal-lab .dal-draft .widget-html-content{line-height:1.45}
.dal-lab .dal-grid img{max-width:100%;height:auto;border-radius:8px;display:block}
.dal-lab .dal-page{min-height:360px}
.dal-lab .dal-note{min-height:22px;margin:0 0 2px}
.dal-lab :is(.jupyter-widget-Collapse-header,.p-Collapse-header){padding:5px 2px;
  background:transparent;border:0;color:var(--dal-mute);font-size:13px;font-weight:400}
.dal-lab :is(.jupyter-widget-Collapse-contents,.p-Collapse-contents){padding:2px 0;border:0;background:transparent;
  color:inherit}
.dal-lab :is(.jupyter-widget-Collapse-open>.jupyter-widget-Collapse-header,.p-Collapse-open>.p-Collapse-header){
  color:inherit}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar) :is(.lm-TabBar-tab,.p-TabBar-tab){
  background:transparent;border:0;border-bottom:2px solid transparent;flex:0 0 auto;padding:4px 9px;max-width:none;
  min-width:max-content;color:var(--dal-mute);font-size:13px;line-height:22px;min-height:30px}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar) :is(.lm-mod-current,.p-mod-current){
  color:var(--dal-ink);border-bottom-color:var(--dal-accent);font-weight:600;min-height:30px;
  transform:none}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar) :is(.lm-mod-current,.p-mod-current):before{display:none}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar){border-bottom:1px solid var(--dal-line);overflow:visible;
  height:auto}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar)>:is(.lm-TabBar-content,.p-TabBar-content){flex-wrap:wrap;
  height:auto}
.dal-lab .dal-stale{opacity:.3;pointer-events:none}
.dal-lab .dal-look .widget-tab-contents{border:0;padding:8px 2px;
  background:transparent;color:inherit}
.dal-lab .jp-OutputArea-output,.dal-lab .jp-RenderedHTMLCommon{padding:0;margin:0;overflow:visible}
.dal-html{font:13.5px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--dal-ink);padding:2px}
.dal-html .dal-words{margin:6px 0;max-width:78ch}
.dal-html .dal-quiet{color:var(--dal-mute)}
.dal-html h4{font:600 14px/1.4 var(--jp-ui-font-family,system-ui,sans-serif);margin:18px 0 6px;color:inherit}
.dal-html section:first-child h4,.dal-html>h4:first-child{margin-top:2px}
.dal-html ul{margin:6px 0 6px 1.3em;padding:0}
.dal-html .dal-verdict{font-weight:600;margin:4px 0}
.dal-html .dal-figure{max-width:min(100%,900px);height:auto;margin-top:6px}
.dal-html .dal-players{margin:2px 0 10px}
.dal-html .dal-players button{border:1px solid var(--dal-line);border-radius:6px;background:transparent;color:inherit}
.dal-html table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:8px 0;color:inherit;border:0}
.dal-html.dal-html th,.dal-html.dal-html td{text-align:left;padding:5px 18px 5px 0;background:none;border:0;
  border-bottom:1px solid var(--dal-line);color:inherit;font-size:13px;font-weight:400}
.dal-html.dal-html thead th{font-weight:600}
.dal-html.dal-html th.dal-number,.dal-html.dal-html td.dal-number{text-align:right}
.dal-html tr,.dal-html tbody tr:nth-child(odd),.dal-html tbody tr:hover{background:none}
.dal-html .dal-scroll{overflow-x:auto}
.dal-html .dal-plate{display:inline-block;min-width:1.5em;border-radius:1em;text-align:center;font-weight:600}
.dal-html .dal-figures{display:flex;flex-wrap:wrap;gap:12px}
.dal-html .dal-figures figure{flex:0 1 320px;margin:0;min-width:150px}
.dal-html .dal-figures img{width:100%;border-radius:6px;image-rendering:pixelated;display:block}
.dal-html .dal-figures figcaption{font-size:12.5px;margin-top:3px;color:var(--dal-mute)}
.dal-html pre.dal-code{overflow-x:auto;padding:10px 14px;border:1px solid var(--dal-line);border-radius:6px;
  margin:6px 0;font:12.5px/1.5 var(--jp-code-font-family,ui-monospace,monospace);color:inherit;
  background:var(--jp-layout-color2,#8881)}
.dal-html .dal-files{list-style:none;margin-left:0}
.dal-html .dal-files li{margin:4px 0}
.dal-html .dal-files a{color:var(--jp-content-link-color,#1565c0);text-decoration:underline}
.dal-lab :focus-visible{outline:2px solid var(--dal-accent);outline-offset:1px}
@media (prefers-reduced-motion:reduce){.dal-lab *{transition:none!important;animation:none!important}}
.dal-studio{container-type:inline-size;color:var(--dal-ink);
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
.dal-studio .dal-bar{display:flex;align-items:center;gap:2px;min-height:34px;flex-wrap:wrap}
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
.dal-studio .dal-main{display:flex;gap:8px;align-items:flex-start;flex-wrap:nowrap}
.dal-studio .dal-tools{flex:0 0 118px;display:flex;flex-direction:column;gap:2px}
.dal-studio .dal-tools button.jupyter-button{width:118px;padding:0 8px;justify-content:flex-start;flex:0 0 auto}
.dal-apart,.dal-apart>*,.dal-apart .jp-OutputArea-child,.dal-apart .jp-OutputArea-output{display:contents}
.dal-apart .jp-OutputPrompt{display:none}
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
.dal-studio canvas.dal-speed{border-radius:8px;touch-action:none;cursor:crosshair;margin:2px 0}
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
    return widgets.HTML(f"<style>{STYLE}{icon_css('.dal-studio')}</style>", layout=widgets.Layout(display="none"))
