// Every group of endpoints; all_endpoints.cc puts them together.
#pragma once

#include "server/api/endpoint.h"

namespace attune::api {

void add_dataset_endpoints(Endpoints& endpoints);
void add_dataset_progress_endpoints(Endpoints& endpoints);
void add_field_endpoints(Endpoints& endpoints);
void add_question_endpoints(Endpoints& endpoints);
void add_metadata_property_endpoints(Endpoints& endpoints);
void add_vectors_settings_endpoints(Endpoints& endpoints);

}  // namespace attune::api
