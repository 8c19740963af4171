# Packages, lint, format, docs, bench, install.
.PHONY: deps-build
deps-build:
	@sh mk/deps.sh build
