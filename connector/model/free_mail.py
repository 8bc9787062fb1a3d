"""Mail providers whose domains say nothing about where somebody works.

Seeded by hand, for German- and English-speaking customers first.
"""

from __future__ import annotations

_TEXT = """
    1und1.de abv.bg alice.de aol.com aol.de arcor.de bigpond.com bk.ru bluemail.ch bluewin.ch
    bt.com btinternet.com charter.net chello.at comcast.net cox.net earthlink.net eclipso.de
    email.de fastmail.com fastmail.fm free.fr freemail.hu freenet.de gmail.com gmx.at gmx.ch
    gmx.com gmx.de gmx.net gmx.org googlemail.com hanmail.net hey.com hispeed.ch hotmail.at
    hotmail.ch hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it
    hushmail.com icloud.com inbox.lv inbox.ru interia.pl juno.com kabelmail.de keemail.me
    kpnmail.nl laposte.net libero.it list.ru live.at live.co.uk live.com live.de live.fr live.nl
    mac.com magenta.de mail.bg mail.com mail.de mail.ru mailbox.org me.com msn.com naver.com
    netcologne.de ntlworld.com o2.pl o2mail.de onet.pl online.de onlinehome.de optonline.net
    optusnet.com.au orange.fr outlook.at outlook.com outlook.de outlook.es outlook.fr outlook.it
    passmail.net pm.me posteo.at posteo.de posteo.net proton.me protonmail.ch protonmail.com
    qq.com rambler.ru riseup.net rocketmail.com sbcglobal.net sfr.fr shaw.ca sky.com skynet.be
    smart-mail.de snafu.de sympatico.ca t-online.de talktalk.net telekom.de telenet.be telia.com
    terra.com.br tin.it tiscali.it tuta.com tuta.io tutamail.com tutanota.com tutanota.de
    ukr.net unitybox.de verizon.net versatel.de virgilio.it virginmedia.com vodafone.de
    vodafonemail.de wanadoo.fr web.de windowslive.com wp.pl xs4all.nl xtra.co.nz ya.ru yahoo.ca
    yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au yahoo.com.br yahoo.de yahoo.es
    yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com
"""

DOMAINS = frozenset(_TEXT.split())
