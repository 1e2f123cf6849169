"""How making and looking look: JupyterLab's own colours, so that they are light or dark as their surroundings are."""

STYLE = """
.dal-lab{max-width:1320px;margin:0 auto;overflow:visible;color:var(--jp-ui-font-color1,#1f1f1f);
  font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;
  --dal-edge:var(--jp-border-color2,#d0d0d0);--dal-quiet:var(--jp-ui-font-color2,#5f5f5f);
  --dal-mark:var(--jp-brand-color1,#1976d2)}
.dal-lab .widget-box,.dal-lab .widget-vbox,.dal-lab .widget-hbox{overflow:visible}
.dal-lab .dal-two{display:flex;flex-flow:row wrap;gap:16px;align-items:flex-start}
.dal-lab .dal-left{flex:5 1 440px;min-width:0;max-width:100%}
.dal-lab .dal-right{flex:3 1 340px;min-width:0;max-width:100%}
.dal-lab .dal-left>.dal-studio,.dal-lab .dal-left .dal-studio{max-width:none}
.dal-lab .dal-card{border:1px solid var(--dal-edge);border-radius:8px;padding:10px 12px;margin:0}
.dal-lab .dal-below{margin-top:16px;min-width:0;max-width:100%}
.dal-lab h3.dal-title{font:600 14px/1.4 var(--jp-ui-font-family,system-ui,sans-serif);margin:0 0 4px;color:inherit}
.dal-lab .dal-card .dal-words{margin:2px;line-height:1.45;font-size:13px;max-width:78ch;white-space:normal}
.dal-lab .dal-quiet{color:var(--dal-quiet)}
.dal-lab .dal-card .widget-html-content{line-height:1.45;white-space:normal}
.dal-lab .dal-card .widget-label,.dal-lab .dal-card .widget-readout{color:inherit}
.dal-lab .dal-card button.jupyter-button,.dal-lab .dal-form button.jupyter-button{height:30px;line-height:28px;
  border-radius:6px;padding:0 12px;box-shadow:none;
  border:1px solid var(--dal-edge);background:transparent;color:inherit;font-size:13px;margin:2px 0}
.dal-lab .dal-card button.jupyter-button:hover:enabled{background:var(--jp-layout-color2,#eee)}
.dal-lab .dal-card button.jupyter-button.mod-primary:hover:enabled{background:var(--dal-mark);filter:brightness(1.12)}
.dal-lab .dal-card button.jupyter-button.mod-primary{background:var(--dal-mark);border-color:var(--dal-mark);
  color:var(--jp-ui-inverse-font-color1,#fff);font-weight:600}
.dal-lab .dal-card button.jupyter-button:disabled{opacity:.45}
.dal-lab .dal-card input,.dal-lab .dal-card select{border-radius:5px}
.dal-lab .dal-toggle .jupyter-button{border-radius:6px;height:28px;line-height:26px;box-shadow:none;
  background:transparent;border:1px solid var(--dal-edge);color:inherit;margin:0 4px 0 0;padding:0 10px}
.dal-lab .dal-toggle .jupyter-button.mod-active{border-color:var(--dal-mark);box-shadow:inset 0 0 0 1px var(--dal-mark);
  font-weight:600}
.dal-lab .dal-top{align-items:center;gap:10px;flex-wrap:wrap;min-height:34px}
.dal-lab .dal-which{font-size:12.5px;color:var(--dal-quiet);margin:0}
.dal-lab .dal-draft{margin:4px 0 0}
.dal-lab .dal-caption{min-height:2.9em}
.dal-lab .dal-stand{width:100%;max-height:330px;display:flex;gap:4px;align-items:center;justify-content:center;
  overflow:hidden;border-radius:8px;background:var(--jp-layout-color2,#eee)}
.dal-lab .dal-stand video{min-width:0;flex:1 1 0;max-width:100%;max-height:330px;display:block}
.dal-lab .dal-stand img{width:100%;height:100%;object-fit:contain;image-rendering:pixelated;display:block}
.dal-lab .dal-draft .widget-html-content{line-height:1.45}
.dal-lab .dal-grid img{max-width:100%;height:auto;border-radius:8px;display:block}
.dal-lab .dal-page{min-height:360px}
.dal-lab .dal-note{min-height:22px;margin:0 0 2px}
.dal-lab :is(.jupyter-widget-Collapse-header,.p-Collapse-header){padding:5px 2px;
  background:transparent;border:0;color:var(--dal-quiet);font-size:13px;font-weight:400}
.dal-lab :is(.jupyter-widget-Collapse-contents,.p-Collapse-contents){padding:2px 0;border:0;background:transparent;
  color:inherit}
.dal-lab :is(.jupyter-widget-Collapse-open>.jupyter-widget-Collapse-header,.p-Collapse-open>.p-Collapse-header){
  color:inherit}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar) :is(.lm-TabBar-tab,.p-TabBar-tab){
  background:transparent;border:0;border-bottom:2px solid transparent;flex:0 0 auto;padding:4px 9px;max-width:none;
  min-width:max-content;color:var(--dal-quiet);font-size:13px;line-height:22px;min-height:30px}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar) :is(.lm-mod-current,.p-mod-current){
  color:var(--jp-ui-font-color1,#1f1f1f);border-bottom-color:var(--dal-mark);font-weight:600;min-height:30px;
  transform:none}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar) :is(.lm-mod-current,.p-mod-current):before{display:none}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar){border-bottom:1px solid var(--dal-edge);overflow:visible;
  height:auto}
.dal-lab .dal-look .widget-tab>:is(.lm-TabBar,.p-TabBar)>:is(.lm-TabBar-content,.p-TabBar-content){flex-wrap:wrap;
  height:auto}
.dal-lab .dal-stale{opacity:.3;pointer-events:none}
.dal-lab .dal-look .widget-tab-contents{border:0;padding:8px 2px;
  background:transparent;color:inherit}
.dal-lab .jp-OutputArea-output,.dal-lab .jp-RenderedHTMLCommon{padding:0;margin:0;overflow:visible}
.dal-html{font:13.5px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);color:var(--jp-ui-font-color1,#1f1f1f);
  padding:2px;  --dal-edge:var(--jp-border-color2,#d0d0d0);--dal-quiet:var(--jp-ui-font-color2,#5f5f5f)}
.dal-html .dal-words{margin:6px 0;max-width:78ch}
.dal-html .dal-quiet{color:var(--dal-quiet)}
.dal-html h4{font:600 14px/1.4 var(--jp-ui-font-family,system-ui,sans-serif);margin:18px 0 6px;color:inherit}
.dal-html section:first-child h4,.dal-html>h4:first-child{margin-top:2px}
.dal-html ul{margin:6px 0 6px 1.3em;padding:0}
.dal-html .dal-verdict{font-weight:600;margin:4px 0}
.dal-html .dal-figure{max-width:min(100%,900px);height:auto;margin-top:6px}
.dal-html .dal-players{margin:2px 0 10px}
.dal-html .dal-players button{border:1px solid var(--dal-edge);border-radius:6px;background:transparent;color:inherit}
.dal-html table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:8px 0;color:inherit;border:0}
.dal-html.dal-html th,.dal-html.dal-html td{text-align:left;padding:5px 18px 5px 0;background:none;border:0;
  border-bottom:1px solid var(--dal-edge);color:inherit;font-size:13px;font-weight:400}
.dal-html.dal-html thead th{font-weight:600}
.dal-html.dal-html th.dal-number,.dal-html.dal-html td.dal-number{text-align:right}
.dal-html tr,.dal-html tbody tr:nth-child(odd),.dal-html tbody tr:hover{background:none}
.dal-html .dal-scroll{overflow-x:auto}
.dal-html .dal-plate{display:inline-block;min-width:1.5em;border-radius:1em;text-align:center;font-weight:600}
.dal-html .dal-figures{display:flex;flex-wrap:wrap;gap:12px}
.dal-html .dal-figures figure{flex:0 1 320px;margin:0;min-width:150px}
.dal-html .dal-figures img{width:100%;border-radius:6px;image-rendering:pixelated;display:block}
.dal-html .dal-figures figcaption{font-size:12.5px;margin-top:3px;color:var(--dal-quiet)}
.dal-html pre.dal-code{overflow-x:auto;padding:10px 14px;border:1px solid var(--dal-edge);border-radius:6px;
  margin:6px 0;font:12.5px/1.5 var(--jp-code-font-family,ui-monospace,monospace);color:inherit;
  background:var(--jp-layout-color2,#8881)}
.dal-html .dal-files{list-style:none;margin-left:0}
.dal-html .dal-files li{margin:4px 0}
.dal-html .dal-files a{color:var(--jp-content-link-color,#1565c0);text-decoration:underline}
.dal-lab :focus-visible{outline:2px solid var(--dal-mark);outline-offset:1px}
@media (prefers-reduced-motion:reduce){.dal-lab *{transition:none!important;animation:none!important}}
"""
