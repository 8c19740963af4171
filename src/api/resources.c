/* api/resources: the list of all resources. */
#include "api/inside.h"

const peri_resource *const peri_resources[] = {&peri_api_system, &peri_api_command_lines};
const size_t peri_resource_count = sizeof peri_resources / sizeof *peri_resources;
