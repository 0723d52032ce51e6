// The interface, to be read and tried: Swagger UI over the OpenAPI document of this service.

/* global SwaggerUIBundle */
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null, // no other host is asked
});
