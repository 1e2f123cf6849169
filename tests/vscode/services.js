// What the page needs of JupyterLab's services; run.py bundles it.
import { KernelManager, ServerConnection } from "@jupyterlab/services";

export async function connect(base, token) {
  const wsUrl = base.replace("http", "ws");
  const serverSettings = ServerConnection.makeSettings({ baseUrl: base, wsUrl, token, appendToken: true });
  const kernel = await new KernelManager({ serverSettings }).startNew({ name: "python3" });
  await kernel.info;
  return kernel;
}
