export { Login } from "./login.js";
export { type Admin, type AdminOptions, startAdmin } from "./server.js";
