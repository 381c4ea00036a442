// The page's own server hands what is Karez's on to `karez dev`, so both are one origin.
const target = "http://localhost:8080";
export default { server: { proxy: { "/api/chat": { target, ws: true }, "/v1": target } } };
