// Nothing may be loaded or framed by answers that are not pages; pages set a policy of their own, with a nonce.
const closedPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

// What every answer of this server carries, whoever made it.
const security = {
  "content-security-policy": closedPolicy,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "permissions-policy":
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), payment=(), usb=()",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Set the security headers; headers that the answer's maker sets later win. */
export function setSecurityHeaders(response) {
  for (const [name, value] of Object.entries(security)) response.setHeader(name, value);
}

/** Complete the headers of an answer that another server made. */
export function withSecurityHeaders(headers) {
  return { ...security, ...headers };
}

/** Answer with a problem document (RFC 9457). */
export function sendProblem(request, response, { status, code, title, detail, headers = {} }) {
  const body = JSON.stringify({
    type: "about:blank",
    title,
    status,
    detail,
    instance: request.url.split("?", 1)[0],
    code,
    request_id: request.headers["x-request-id"],
    errors: [],
  });
  response.writeHead(status, {
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
