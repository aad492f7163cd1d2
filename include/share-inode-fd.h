/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The O_PATH descriptors of inodes: a limited number of those that can be opened
 * again by name, and as many of those that cannot.  For share-inode.c alone.
 */
#ifndef WHERRY_SHARE_INODE_FD_H
#define WHERRY_SHARE_INODE_FD_H

struct share_inode;
struct share_inodes;

/* Takes fd for the inode, which has none; closes the one used longest ago. */
void share_fd_keep(struct share_inodes *t, struct share_inode *inode, int fd);
/* Keeps it open for good; not where there are too many of that kind. */
void share_fd_pin(struct share_inodes *t, struct share_inode *inode);
void share_fd_unpin(struct share_inodes *t, struct share_inode *inode);
/* The root's is left alone. */
void share_fd_close(struct share_inodes *t, struct share_inode *inode);

#endif
