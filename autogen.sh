#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Makes configure from configure.ac, in a git checkout.
set -euo pipefail
cd "$(dirname "$0")"
exec autoreconf --install --force "$@"
