/**
 * What `lading serve` prints when it is ready: where it is, and lines to paste. Both names of the region: version 1 of the
 * aws CLI reads the one, the SDKs read the other.
 */
import { version } from "../../package.json";
import type { Config } from "../config.ts";
import type { Start } from "../main.ts";

export function welcome(config: Config, { port, newKey, rootCredentialsPath }: Start): string {
  const scheme = config.tlsCert === undefined ? "http" : "https";
  const listenHost = config.listen.slice(0, config.listen.lastIndexOf(":"));
  const isEverywhere = listenHost === "0.0.0.0" || listenHost === "[::]";
  const host = `${isEverywhere ? "localhost" : listenHost}:${port}`;
  const listening = `${scheme}://${host}`;
  const url = config.externalUrl ?? listening;
  const registry = url.slice(url.indexOf("//") + 2);
  const outside = config.externalUrl === undefined ? "" : `, for clients ${url}`;
  const ready = `Lading ${version} is ready at ${listening}${outside}\n`;
  if (!newKey) return ready;
  const insecure = scheme === "http" ? " --dest-tls-verify=false" : "";
  return `${ready}
Made account ${config.account} with this access key of its root, shown once and kept in
'${rootCredentialsPath}' (readable by you alone). Paste:

  export AWS_ENDPOINT_URL=${url}
  export AWS_REGION=${config.region} AWS_DEFAULT_REGION=${config.region}
  export AWS_ACCESS_KEY_ID=${newKey.accessKeyId}
  export AWS_SECRET_ACCESS_KEY=${newKey.secretAccessKey}

  aws ecr create-repository --repository-name hello
  aws ecr get-login-password | docker login --username AWS --password-stdin ${registry}
  docker tag IMAGE ${registry}/hello:v1 && docker push ${registry}/hello:v1

  aws ecr get-login-password | skopeo login --username AWS --password-stdin${insecure.replace("dest-", "")} ${registry}
  skopeo copy${insecure} docker-archive:IMAGE.tar docker://${registry}/hello:v1
`;
}
