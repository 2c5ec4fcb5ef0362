#pragma once

namespace ioa {

/// The one T, made when it is first asked for and never destroyed: for error categories, which a
/// thread that is stuck in a look-up may ask when main() has returned.
template <class T>
const T& immortal() {
  static const T& object = *new T();
  return object;
}

}  // namespace ioa
