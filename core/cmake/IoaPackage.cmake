# Manuals, completions, and the Debian packages that `cpack -G DEB` makes of it all.

file(GLOB manuals CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.1)
install(FILES ${manuals} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
install(FILES completions/ioa.bash RENAME ioa COMPONENT program OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
# Where Debian's zsh looks for the completions of packages, and for those of everything else.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(zsh_completions vendor-completions)
else()
  set(zsh_completions site-functions)
endif()
install(FILES completions/_ioa COMPONENT program OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh_completions})
install(FILES completions/ioa.fish COMPONENT program OPTIONAL
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The ioa authors")
set(CPACK_PACKAGE_CONTACT "The ioa authors <ioa@localhost>")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME ioa)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libioa-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libevent-dev, libssl-dev, libc-ares-dev")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
include(CPack)
