/** For load balancers and orchestrators. */

/** Rejects, or says false, when the node should get no requests. */
export type Health = { isReady: () => Promise<boolean> };

/** `/healthz`: the process answers. `/readyz`: it can do its work, too. */
export async function serveHealth(path: "/healthz" | "/readyz", health: Health): Promise<Response> {
  if (path === "/healthz") return answer(200, "ok");
  const isReady = await health.isReady().catch(() => false);
  return isReady ? answer(200, "ready") : answer(503, "not ready");
}

function answer(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}
