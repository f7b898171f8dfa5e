// The entry point of every page. Each behaviour is a module of its own.

import "./session.js";
import "./search.js";
import "./times.js";
import "./tickets.js";
import "./buying.js";
import "./order.js";
import "./selling.js";
import "./live.js";
