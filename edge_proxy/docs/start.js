// Shows the document that lies beside this page. All addresses are relative: the edge may stand behind any path.
"use strict";

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // The badge would send the document's address to a server of Swagger's.
  validatorUrl: null,
});
