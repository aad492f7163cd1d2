// SPDX-License-Identifier: BSD-2-Clause
/*
 * pcm - plays silence through an ALSA device, so that it interrupts once a
 * period: pcm /dev/snd/pcmC0D0p PERIODS. 48 kHz, 16 bits, stereo, periods of
 * 1024 frames. Prints the periods that the device has played.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sound/asound.h>

#define FRAMES 1024
#define PERIODS 4 /* of the ring */

static struct snd_interval *interval(struct snd_pcm_hw_params *p, int i)
{
	return &p->intervals[i - SNDRV_PCM_HW_PARAM_FIRST_INTERVAL];
}

static void only(struct snd_pcm_hw_params *p, int param, unsigned int val)
{
	struct snd_mask *m = &p->masks[param - SNDRV_PCM_HW_PARAM_FIRST_MASK];

	if (param > SNDRV_PCM_HW_PARAM_LAST_MASK) {
		*interval(p, param) = (struct snd_interval){ .min = val,
							     .max = val,
							     .integer = 1 };
		return;
	}
	memset(m, 0, sizeof(*m));
	m->bits[val / 32] = 1u << val % 32;
}

static void set_up(int fd)
{
	struct snd_pcm_hw_params p;

	memset(&p, 0, sizeof(p));
	memset(p.masks, 0xff, sizeof(p.masks));
	for (int i = SNDRV_PCM_HW_PARAM_FIRST_INTERVAL;
	     i <= SNDRV_PCM_HW_PARAM_LAST_INTERVAL; i++)
		interval(&p, i)->max = ~0u;
	p.rmask = p.info = ~0u;
	only(&p, SNDRV_PCM_HW_PARAM_ACCESS, SNDRV_PCM_ACCESS_RW_INTERLEAVED);
	only(&p, SNDRV_PCM_HW_PARAM_FORMAT, SNDRV_PCM_FORMAT_S16_LE);
	only(&p, SNDRV_PCM_HW_PARAM_CHANNELS, 2);
	only(&p, SNDRV_PCM_HW_PARAM_RATE, 48000);
	only(&p, SNDRV_PCM_HW_PARAM_PERIOD_SIZE, FRAMES);
	only(&p, SNDRV_PCM_HW_PARAM_PERIODS, PERIODS);
	if (ioctl(fd, SNDRV_PCM_IOCTL_HW_PARAMS, &p))
		err(1, "HW_PARAMS");
	if (ioctl(fd, SNDRV_PCM_IOCTL_PREPARE))
		err(1, "PREPARE");
}

int main(int argc, char **argv)
{
	static int16_t silence[FRAMES * 2];
	int periods = argc == 3 ? atoi(argv[2]) : 0, played = 0;
	int fd = periods > 0 ? open(argv[1], O_RDWR) : -1;

	if (fd < 0)
		err(1, "%s", argc > 1 ? argv[1] : "usage: pcm DEVICE PERIODS");
	set_up(fd);
	for (int i = 0; i < periods; i++) {
		struct snd_xferi x = { .buf = silence, .frames = FRAMES };

		/* Waits for room, which an interrupt makes. A device that
		 * ran dry meanwhile is started anew. */
		if (!ioctl(fd, SNDRV_PCM_IOCTL_WRITEI_FRAMES, &x))
			played++;
		else if (ioctl(fd, SNDRV_PCM_IOCTL_DROP) ||
			 ioctl(fd, SNDRV_PCM_IOCTL_PREPARE))
			err(1, "PREPARE");
	}
	/* The rest has a tenth of a second, which a starved host misses. */
	if (ioctl(fd, SNDRV_PCM_IOCTL_DRAIN) && errno != EIO)
		err(1, "DRAIN");
	printf("played %d\n", played);
	return played == 0;
}
